package microsandbox_test

import (
	"os"
	"strings"
	"testing"

	m "microsandbox.internal/microsandbox"
)

// The image of MSB_TEST_INIT_IMAGE has an init as /sbin/init, and /sbin/noting-init, which notes its
// arguments and environment first.
func TestInit(t *testing.T) {
	image := os.Getenv("MSB_TEST_INIT_IMAGE")
	if image == "" {
		t.Skip("no MSB_TEST_INIT_IMAGE")
	}
	ctx := testContext(t)
	for name, init := range map[string]m.InitConfig{
		"go-init-auto": m.Init.Auto(),
		"go-init-cmd":  m.Init.Cmd("/sbin/init"),
		"go-init-options": m.Init.Cmd("/sbin/noting-init", m.InitOptions{
			Args: []string{"a", "b c"}, Env: map[string]string{"INIT_NOTE": "x y"}}),
	} {
		sandbox := create(t, name, m.WithImage(image), m.WithInit(init))
		out, err := sandbox.Exec(ctx, "cat", []string{"/proc/1/comm"})
		ok(t, err)
		equal(t, "process 1 of "+name, out.Stdout(), "init\n")
		config, err := sandbox.Config(ctx)
		ok(t, err)
		equal(t, "init", config.Init.Cmd, init.Cmd)
		if name == "go-init-options" {
			out, err = sandbox.Exec(ctx, "cat", []string{"/etc/init.args", "/etc/init.env"})
			ok(t, err)
			if !strings.HasPrefix(out.Stdout(), "/sbin/noting-init a b c\n") || !contains(out.Stdout(), "INIT_NOTE=x y\n") {
				t.Fatalf("%q", out.Stdout())
			}
		}
		ok(t, sandbox.Stop(ctx))
	}
	_, err := m.CreateSandbox(ctx, "go-init-bad", m.WithImage(image), m.WithInit(m.Init.Cmd("sbin/init")))
	wantKind(t, err, m.ErrInvalidConfig)
}
