#define _GNU_SOURCE
#include "native.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTER(type, name, parameters, arguments) static type(*pointer_##name) parameters;
MSB_FUNCTIONS(POINTER)

#define CALL(type, name, parameters, arguments)                                                    \
    type call_##name parameters {                                                                  \
        return pointer_##name arguments;                                                           \
    }
MSB_FUNCTIONS(CALL)

// Sets the pointers; the name of the first function that is missing, or NULL.
static const char* resolve(void* library) {
#define RESOLVE(type, name, parameters, arguments)                                                 \
    pointer_##name = (type(*) parameters)dlsym(library, "msb_" #name);                             \
    if (pointer_##name == NULL)                                                                    \
        return "msb_" #name;
    MSB_FUNCTIONS(RESOLVE)
    return NULL;
}

char* load_library(const char* path) {
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    char* message = NULL;
    if (library == NULL)
        return strdup(dlerror());
    uint32_t (*version)(void) = (uint32_t (*)(void))dlsym(library, "msb_abi_version");
    const char* missing = resolve(library);
    int length = -1;
    if (version != NULL && version() != MSB_SDK_ABI_VERSION)
        length = asprintf(&message, "%s: its interface is version %u, not %u", path, version(),
                          MSB_SDK_ABI_VERSION);
    else if (missing != NULL)
        length = asprintf(&message, "%s: it has no function %s", path, missing);
    else
        return NULL;
    dlclose(library);
    return length >= 0 ? message : strdup("out of memory");
}
