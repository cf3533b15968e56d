package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"time"
)

// PrivateNetwork is a network that sandboxes reach each other by, as it was when it was looked up.
// [NetworkConfig].Network joins it.
type PrivateNetwork struct {
	Name      string
	Subnet    string // the IPv4 addresses of its members
	Members   []PrivateNetworkMember
	CreatedAt time.Time `json:"created_at"`
}

// PrivateNetworkMember is a sandbox that is in a private network.
type PrivateNetworkMember struct {
	Sandbox   string
	Address   string
	AddressV6 string `json:"address_v6"`
	Status    string
	Joined    bool // the others reach it
}

// CreatePrivateNetwork makes a private network; its subnet is chosen if "". [ErrNetworkAlreadyExists].
func CreatePrivateNetwork(ctx context.Context, name, subnet string) (*PrivateNetwork, error) {
	options := privateNetworkOptions{}
	if subnet != "" {
		options.Subnet = &subnet
	}
	network := &PrivateNetwork{}
	if err := bring(ctx, name, options, network,
		func(_ C.uint64_t, name, options *C.char, result **C.char) *C.char {
			return C.call_network_create(name, options, result)
		}); err != nil {
		return nil, err
	}
	return network, nil
}

// GetPrivateNetwork is a private network. A member that lost its place because a process was killed is given it
// back. [ErrNetworkNotFound].
func GetPrivateNetwork(ctx context.Context, name string) (*PrivateNetwork, error) {
	network := &PrivateNetwork{}
	if err := askAbout(ctx, name, network, func(_ C.uint64_t, name *C.char, result **C.char) *C.char {
		return C.call_network_get(name, result)
	}); err != nil {
		return nil, err
	}
	return network, nil
}

// ListPrivateNetworks is all private networks, by name.
func ListPrivateNetworks(ctx context.Context) (networks []PrivateNetwork, err error) {
	var text *C.char
	if err = call(ctx, func() *C.char { return C.call_network_list(&text) }); err == nil {
		err = decode(takeText(text), &networks)
	}
	return networks, err
}

// RemovePrivateNetwork removes a private network that no sandbox is in. [ErrNetworkNotFound], [ErrNetworkInUse].
func RemovePrivateNetwork(ctx context.Context, name string) error {
	return onName(ctx, name, func(_ C.uint64_t, name *C.char) *C.char { return C.call_network_remove(name) })
}

// PrunePrivateNetworks removes the private networks that no sandbox is in, not even one that is stopped: their names.
func PrunePrivateNetworks(ctx context.Context) (names []string, err error) {
	var text *C.char
	if err = call(ctx, func() *C.char { return C.call_network_prune(&text) }); err == nil {
		err = decode(takeText(text), &names)
	}
	return names, err
}
