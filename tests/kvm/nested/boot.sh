# For run.sh: a sandbox on KVM from its creation to its end.
# shellcheck shell=sh
step() { echo "== $* ($(cut -d' ' -f1 /proc/uptime) s)"; }

step the probe
# Here it is an emulated CPU that is probed, on a host that may be busy: what it says in the end is what counts.
tries=0
until msb doctor | grep 'a 64-bit guest runs'; do
    [ $((tries += 1)) -lt 20 ]
done
rm -f "$MSB_HOME/cache/kvm-probe.json"
until said=$(msb create --name one --engine kvm 2>&1); do
    echo "$said"
    case $said in *"KVM cannot be used"*) ;; *) exit 1 ;; esac
    rm -f "$MSB_HOME/cache/kvm-probe.json"
    [ $((tries += 1)) -lt 20 ]
done
step run
msb run --engine kvm -- sh -c 'uname -r; grep -c ^processor /proc/cpuinfo; exit 7' || [ $? = 7 ]
step a sandbox that stays
msb inspect one | grep kvm
step exec
msb exec one -- sh -c 'echo x >/root/file; sync; cat /proc/interrupts'
[ "$(msb exec one -- cat /root/file)" = x ]
step stop
msb stop one
step the disk is still there
msb start one
[ "$(msb exec one -- cat /root/file)" = x ]
msb kill one
msb rm one
step end
