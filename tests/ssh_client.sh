# For tests of SSH, after lib.sh: OpenSSH's programs with the settings that `msb ssh config --install` writes.
# shellcheck shell=bash
need_kernel
need ssh

# install_ssh_config: as a user whose home is $T/user; sets $SSH_CONFIG. OpenSSH itself looks for ~/.ssh in the
# password file, so its programs are told where the settings are.
install_ssh_config() {
    mkdir -p "$T/user"
    HOME=$T/user msb ssh config --install >/dev/null
    SSH_CONFIG=$T/user/.ssh/config
}
ssh_to() { ssh -F "$SSH_CONFIG" "$@"; }
