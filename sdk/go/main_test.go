package microsandbox_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	m "microsandbox.internal/microsandbox"
)

// The tests start real sandboxes, in MSB_HOME if it is set and in a directory of their own otherwise.
func TestMain(main *testing.M) {
	if os.Getenv("MSB_TEST_ONLY_LOAD") != "" {
		_, err := m.Version()
		fmt.Println(m.IsKind(err, m.ErrLibraryNotLoaded), err)
		os.Exit(0)
	}
	if os.Getenv("MSB_TEST_ONLY_SHORT_CALLS") != "" {
		shortCalls()
		return
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

// shortCalls makes calls that cannot be cancelled, as the RequestX are, with a context that can.
func shortCalls() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range [3]int{} {
		fmt.Println(m.RemoveSandbox(ctx, "go-none"))
	}
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

// A library before the real one, which says how many cancel numbers were not given back.
const countingLibrary = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
static atomic_int count;
uint64_t msb_cancel_alloc(void) {
    dprintf(1, "%d left\n", ++count);
    return ((uint64_t(*)(void))dlsym(RTLD_NEXT, __func__))();
}
void msb_cancel_unregister(uint64_t cancel) {
    dprintf(1, "%d left\n", --count);
    ((void (*)(uint64_t))dlsym(RTLD_NEXT, __func__))(cancel);
}
`

func TestCancelNumbersAreGivenBack(t *testing.T) {
	library := os.Getenv("MICROSANDBOX_LIBRARY")
	compiler, err := exec.LookPath("cc")
	if err != nil || library == "" {
		t.Skip("no C compiler, or no MICROSANDBOX_LIBRARY")
	}
	path := filepath.Join(t.TempDir(), "counting.so")
	ok(t, os.WriteFile(path+".c", []byte(countingLibrary), 0o600))
	out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", path, path+".c", "-Wl,--no-as-needed", library,
		"-Wl,-rpath,"+filepath.Dir(library), "-ldl").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "MSB_TEST_ONLY_SHORT_CALLS=1", "MICROSANDBOX_LIBRARY="+path)
	text, err := command.CombinedOutput()
	last := strings.LastIndex(string(text), " left\n")
	if err != nil || last < 1 || !strings.HasSuffix(string(text[:last]), "\n0") {
		t.Fatalf("%v: %s", err, text)
	}
}
