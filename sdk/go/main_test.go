package microsandbox_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	m "microsandbox"
)

// The tests start real sandboxes, in MSB_HOME if it is set and in a directory of their own otherwise.
func TestMain(main *testing.M) {
	if os.Getenv("MSB_TEST_ONLY_LOAD") != "" {
		_, err := m.Version()
		fmt.Println(m.IsKind(err, m.ErrLibraryNotLoaded), err)
		os.Exit(0)
	}
	os.Exit(func() int {
		if os.Getenv("MSB_HOME") == "" {
			home, err := os.MkdirTemp("", "msb-go-test")
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			defer os.RemoveAll(home)
			os.Setenv("MSB_HOME", home)
		}
		return main.Run()
	}())
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// create makes a sandbox that is gone when the test is over.
func create(t *testing.T, name string, options ...m.SandboxOption) *m.Sandbox {
	t.Helper()
	sandbox, err := m.CreateSandbox(testContext(t), name, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sandbox.Close()
		if err := m.RemoveSandbox(testContext(t), name, m.WithForce()); err != nil && !m.IsKind(err, m.ErrSandboxNotFound) {
			t.Errorf("remove %s: %v", name, err)
		}
	})
	return sandbox
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind m.ErrorKind) *m.Error {
	t.Helper()
	if !m.IsKind(err, kind) {
		t.Fatalf("error is %v, wanted %s", err, kind)
	}
	return err.(*m.Error)
}

func equal[T comparable](t *testing.T, what string, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Fatalf("%s is %#v, wanted %#v", what, got, wanted)
	}
}

// loadIn tries to load the library in a process of its own.
func loadIn(t *testing.T, library string) string {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "MSB_TEST_ONLY_LOAD=1", "MICROSANDBOX_LIBRARY="+library)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestLibraryThatIsNotThere(t *testing.T) {
	out := loadIn(t, "/does/not/exist.so")
	if !contains(out, "true library_not_loaded: ") || !contains(out, "/does/not/exist.so") {
		t.Fatal(out)
	}
}

func TestLibraryThatLacksAFunction(t *testing.T) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	for source, problem := range map[string]string{
		"unsigned msb_abi_version(void) { return 1; } void msb_version(void) {}": "no function msb_free_string",
		"unsigned msb_abi_version(void) { return 7; }":                           "version 7, not 1",
		"int nothing;": "no function msb_abi_version",
	} {
		path := filepath.Join(t.TempDir(), "lacking.so")
		file := path + ".c"
		ok(t, os.WriteFile(file, []byte(source), 0o600))
		if out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", path, file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if out := loadIn(t, path); !contains(out, "true library_not_loaded: ") || !contains(out, problem) {
			t.Fatal(out)
		}
	}
}
