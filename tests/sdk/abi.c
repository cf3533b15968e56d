/* A program with threads, signals and children of its own, as one that loads the library may be. */
#include <errno.h>
#include <microsandbox/microsandbox.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static void ok(char* error) {
    if (error != NULL) {
        fprintf(stderr, "unexpected error: %s\n", error);
        exit(1);
    }
}

/* The error must be of this kind. */
static void fails(char* error, const char* kind) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"kind\":\"%s\"", kind);
    if (error == NULL || strstr(error, wanted) == NULL) {
        fprintf(stderr, "wanted %s, got %s\n", kind, error != NULL ? error : "success");
        exit(1);
    }
    msb_free_string(error);
}

static uint64_t handle_of(char* result) {
    const char* at = strstr(result, "\"handle\":");
    REQUIRE(at != NULL);
    const uint64_t handle = strtoull(at + 9, NULL, 10);
    REQUIRE(handle != 0);
    msb_free_string(result);
    return handle;
}

static uint64_t create(const char* name, const char* options) {
    char* result = NULL;
    ok(msb_sandbox_create(0, 0, name, options, &result));
    return handle_of(result);
}

static void expect_output(uint64_t sandbox, const char* script, const char* wanted) {
    char* result = NULL;
    uint8_t *out = NULL, *err = NULL;
    size_t out_size = 0, err_size = 0;
    ok(msb_sandbox_exec(0, sandbox, script, "{\"shell\":true}", NULL, 0, &result, &out, &out_size,
                        &err, &err_size));
    REQUIRE(out_size == strlen(wanted) && memcmp(out, wanted, out_size) == 0);
    msb_free_string(result);
    msb_free_bytes(out);
    msb_free_bytes(err);
}

static void misuse(uint64_t sandbox) {
    uint64_t exec = 0;
    fails(msb_sandbox_create(0, 0, NULL, NULL, NULL), "invalid_argument");
    fails(msb_sandbox_create(0, 0, "x", "{", NULL), "invalid_argument");
    fails(msb_sandbox_create(0, 0, "x", "[]", NULL), "invalid_argument");
    fails(msb_sandbox_create(0, 0, "x", "{\"cpu\":1}", NULL), "invalid_argument");
    fails(msb_sandbox_create(0, 0, "x", "{\"cpus\":-1}", NULL), "invalid_argument");
    fails(msb_sandbox_create(0, 0, "x", "{\"cpus\":\"1\"}", NULL), "invalid_argument");
    fails(msb_sandbox_create(0, 0, "x", "{\"init\":{\"cmd\":\"auto\",\"arg\":[]}}", NULL),
          "invalid_argument");
    fails(msb_sandbox_create(0, 0, "-x", NULL, NULL), "invalid_config");
    fails(msb_sandbox_create(0, 77777, "x", NULL, NULL), "invalid_handle");
    fails(msb_sandbox_create(77777, 0, "x", NULL, NULL), "invalid_handle");
    fails(msb_sandbox_get("no-such", NULL), "sandbox_not_found");
    fails(msb_sandbox_stop(0, "no-such", 0), "sandbox_not_found");
    fails(msb_sandbox_close(0, 0), "invalid_handle");
    fails(msb_exec_recv(0, sandbox, NULL, NULL, NULL), "invalid_handle");
    fails(msb_sandbox_exec(0, sandbox, NULL, "{\"args\":[]  ,\"shell\":true}", NULL, 0, NULL, NULL,
                           NULL, NULL, NULL),
          "invalid_argument");
    fails(msb_sandbox_exec_stream(0, sandbox, "true", NULL, NULL, 0, NULL), "invalid_argument");
    ok(msb_sandbox_exec_stream(0, sandbox, "true", NULL, NULL, 0, &exec));
    fails(msb_exec_signal(0, exec, 0), "invalid_argument");
    fails(msb_sandbox_close(0, exec), "invalid_handle");
    msb_exec_close(exec);
    msb_exec_close(exec);
    fails(msb_exec_recv(0, exec, NULL, NULL, NULL), "invalid_handle");
    /* Results that nobody wants. */
    ok(msb_sandbox_exec(0, sandbox, "true", NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL));
    ok(msb_sandbox_list(NULL, NULL));
    msb_free_string(NULL);
    msb_free_bytes(NULL);
}

static uint64_t shared;

static void* run_many(void* number) {
    for (int i = 0; i < 10; ++i) {
        char script[64], wanted[64];
        snprintf(script, sizeof script, "echo %d-%d", *(int*)number, i);
        snprintf(wanted, sizeof wanted, "%d-%d\n", *(int*)number, i);
        expect_output(shared, script, wanted);
    }
    return NULL;
}

static void threads(uint64_t sandbox) {
    enum { count = 8 };
    pthread_t ids[count];
    int numbers[count];
    shared = sandbox;
    for (int i = 0; i < count; ++i) {
        numbers[i] = i;
        REQUIRE(pthread_create(&ids[i], NULL, run_many, &numbers[i]) == 0);
    }
    for (int i = 0; i < count; ++i)
        pthread_join(ids[i], NULL);
}

static void* trigger_soon(void* cancel) {
    usleep(200 * 1000);
    msb_cancel_trigger(*(uint64_t*)cancel);
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void cancelling(uint64_t sandbox) {
    pthread_t other;
    uint64_t cancel = msb_cancel_alloc();
    REQUIRE(pthread_create(&other, NULL, trigger_soon, &cancel) == 0);
    double begun = now();
    fails(msb_sandbox_exec(cancel, sandbox, "sleep", "{\"args\":[\"100\"]}", NULL, 0, NULL, NULL,
                           NULL, NULL, NULL),
          "cancelled");
    REQUIRE(now() - begun < 5);
    pthread_join(other, NULL);
    /* The number is used up. */
    fails(msb_sandbox_exec(cancel, sandbox, "true", NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL),
          "invalid_handle");
    cancel = msb_cancel_alloc();
    REQUIRE(pthread_create(&other, NULL, trigger_soon, &cancel) == 0);
    fails(msb_sandbox_wait_until_stopped(cancel, 0, "box", -1, NULL), "cancelled");
    pthread_join(other, NULL);
    cancel = msb_cancel_alloc();
    msb_cancel_trigger(cancel);
    fails(msb_sandbox_create(cancel, 0, "never", NULL, NULL), "cancelled");
    fails(msb_sandbox_get("never", NULL), "sandbox_not_found");
    msb_cancel_trigger(cancel);
    expect_output(sandbox, "echo still", "still\n");
}

/* Two threads on one command: one reads, the other writes and signals. */
static uint64_t running;

static void* write_much(void* unused) {
    (void)unused;
    static uint8_t data[100000];
    memset(data, 'x', sizeof data);
    for (int i = 0; i < 50; ++i)
        ok(msb_exec_stdin_write(0, running, data, sizeof data));
    ok(msb_exec_stdin_close(0, running));
    return NULL;
}

static void both_ways(uint64_t sandbox) {
    pthread_t writer;
    size_t total = 0;
    ok(msb_sandbox_exec_stream(0, sandbox, "cat", "{\"stdin\":true}", (const uint8_t*)"head", 4,
                               &running));
    REQUIRE(pthread_create(&writer, NULL, write_much, NULL) == 0);
    for (int ended = 0; !ended;) {
        char* event = NULL;
        uint8_t* data = NULL;
        size_t size = 0;
        ok(msb_exec_recv(0, running, &event, &data, &size));
        REQUIRE(total > 0 || size == 0 || memcmp(data, "head", 4) == 0);
        total += size;
        ended = strstr(event, "\"done\"") != NULL;
        msb_free_string(event);
        msb_free_bytes(data);
    }
    pthread_join(writer, NULL);
    REQUIRE(total == 4 + 50 * 100000);
    msb_exec_close(running);
}

static volatile sig_atomic_t handled;
static void count(int number) {
    (void)number;
    handled = handled + 1;
}

static void* create_in_thread(void* unused) {
    (void)unused;
    shared = create("box", "{\"memory_mib\":256,\"ephemeral\":true}");
    return NULL;
}

static void be_hostile(const char* how) {
    if (strcmp(how, "reaps") == 0)
        signal(SIGCHLD, SIG_IGN); /* the kernel reaps every child */
    if (strcmp(how, "handles") == 0) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = count; /* without SA_RESTART: calls are interrupted */
        for (int number = 1; number < 32; ++number)
            if (number != SIGPIPE && number != SIGSEGV && number != SIGABRT)
                sigaction(number, &action, NULL);
    }
}

static void state_of_process(char* text, size_t size) {
    char directory[512];
    struct sigaction action;
    sigset_t mask;
    size_t used = 0;
    const mode_t bits = umask(0);
    umask(bits);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    REQUIRE(getcwd(directory, sizeof directory) != NULL);
    used += (size_t)snprintf(text, size, "%o %s", (unsigned)bits, directory);
    for (int number = 1; number < 32; ++number) {
        sigaction(number, NULL, &action);
        used += (size_t)snprintf(text + used, size - used, " %zx%d", (size_t)action.sa_handler,
                                 sigismember(&mask, number));
    }
}

int main(int argc, char** argv) {
    char before[4096], after[4096];
    pthread_t creator;
    be_hostile(argc > 1 ? argv[1] : "");
    REQUIRE(msb_abi_version() == MSB_ABI_VERSION);
    state_of_process(before, sizeof before);
    /* The thread that made it ends, and the sandbox does not. */
    REQUIRE(pthread_create(&creator, NULL, create_in_thread, NULL) == 0);
    pthread_join(creator, NULL);
    usleep(300 * 1000);
    expect_output(shared, "echo there", "there\n");
    misuse(shared);
    threads(shared);
    both_ways(shared);
    cancelling(shared);
    ok(msb_sandbox_close(0, shared));
    fails(msb_sandbox_info(shared, NULL), "invalid_handle");
    /* Its end is seen by a pipe whose reader is gone: no SIGPIPE gets here. */
    const uint64_t other = create("other", "{\"memory_mib\":256}");
    ok(msb_sandbox_kill(0, "other", -1));
    fails(msb_sandbox_detach(other), "io");
    (void)msb_sandbox_close(0, other);
    ok(msb_sandbox_remove("other", NULL));
    usleep(300 * 1000);
    /* Making a sandbox also waits for what ended unheeded. */
    ok(msb_sandbox_close(0, create("last", "{\"memory_mib\":256,\"ephemeral\":true}")));
    state_of_process(after, sizeof after);
    if (strcmp(before, after) != 0) {
        fprintf(stderr, "the process was changed:\n%s\n%s\n", before, after);
        return 1;
    }
    /* No child of the library is left. */
    REQUIRE(waitpid(-1, NULL, WNOHANG) <= 0);
    puts("ok");
    return 0;
}
