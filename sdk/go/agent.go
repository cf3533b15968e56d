package microsandbox

// #include "native.h"
import "C"

import "context"

// AgentSocketPath is the path of the socket on which the sandbox's agent speaks its protocol. Nothing is
// connected; the sandbox need not run or exist.
func AgentSocketPath(name string) (string, error) {
	var path *C.char
	err := onName(context.Background(), name, func(_ C.uint64_t, name *C.char) *C.char {
		return C.call_agent_socket_path(name, &path)
	})
	if err != nil {
		return "", err
	}
	return takeText(path), nil
}
