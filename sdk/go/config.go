package microsandbox

import (
	"encoding/json"
	"time"
)

// SandboxConfig is how a sandbox was made, with what its image says.
type SandboxConfig struct {
	Name             string
	Image            string
	ManifestDigest   string
	CPUs             uint
	MaxCPUs          uint
	MemoryMiB        uint64
	MaxMemoryMiB     uint64
	RootDiskMiB      uint64
	THP              string
	Env              map[string]string
	Labels           map[string]string
	Scripts          map[string]string
	Workdir          string
	User             string
	Hostname         string
	Shell            string
	Entrypoint       []string
	Cmd              []string
	Init             *InitConfig
	SecurityProfile  SecurityProfile
	Network          bool
	Rlimits          []Rlimit
	Engine           string
	RequireIsolation string
	Ephemeral        bool
	MaxDuration      time.Duration
	IdleTimeout      time.Duration
	LogLevel         string
}

type pair struct{ Key, Value string }

func pairMap(pairs []pair) map[string]string {
	values := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		values[pair.Key] = pair.Value
	}
	return values
}

func parseConfig(text json.RawMessage) (*SandboxConfig, error) {
	var parsed struct {
		Name, Image    string
		ManifestDigest string `json:"manifest_digest"`
		Resources      struct {
			CPUs         uint
			MaxCPUs      uint   `json:"max_cpus"`
			MemoryMiB    uint64 `json:"memory_mib"`
			MaxMemoryMiB uint64 `json:"max_memory_mib"`
			RootDiskMiB  uint64 `json:"root_disk_mib"`
			THP          string
		}
		Runtime struct {
			Entrypoint, Cmd                []string
			Workdir, User, Shell, Hostname string
			Scripts                        map[string]string
			LogLevel                       string `json:"log_level"`
			Init                           *struct {
				Cmd  string
				Args []string
				Env  []pair
			}
		}
		Env             []pair
		Labels          map[string]string
		Rlimits         []Rlimit
		SecurityProfile SecurityProfile `json:"security_profile"`
		Network         struct{ Enabled bool }
		Engine          string
		Isolation       string `json:"require_isolation"`
		Lifecycle       struct {
			Ephemeral       bool
			MaxDurationSecs uint64 `json:"max_duration_secs"`
			IdleTimeoutSecs uint64 `json:"idle_timeout_secs"`
		}
	}
	if err := decode(string(text), &parsed); err != nil {
		return nil, err
	}
	resources, runtime, lifecycle := &parsed.Resources, &parsed.Runtime, &parsed.Lifecycle
	config := &SandboxConfig{
		Name:             parsed.Name,
		Image:            parsed.Image,
		ManifestDigest:   parsed.ManifestDigest,
		CPUs:             resources.CPUs,
		MaxCPUs:          resources.MaxCPUs,
		MemoryMiB:        resources.MemoryMiB,
		MaxMemoryMiB:     resources.MaxMemoryMiB,
		RootDiskMiB:      resources.RootDiskMiB,
		THP:              resources.THP,
		Env:              pairMap(parsed.Env),
		Labels:           parsed.Labels,
		Scripts:          runtime.Scripts,
		Workdir:          runtime.Workdir,
		User:             runtime.User,
		Hostname:         runtime.Hostname,
		Shell:            runtime.Shell,
		Entrypoint:       runtime.Entrypoint,
		Cmd:              runtime.Cmd,
		SecurityProfile:  parsed.SecurityProfile,
		Network:          parsed.Network.Enabled,
		Rlimits:          parsed.Rlimits,
		Engine:           parsed.Engine,
		RequireIsolation: parsed.Isolation,
		Ephemeral:        lifecycle.Ephemeral,
		MaxDuration:      time.Duration(lifecycle.MaxDurationSecs) * time.Second,
		IdleTimeout:      time.Duration(lifecycle.IdleTimeoutSecs) * time.Second,
		LogLevel:         runtime.LogLevel,
	}
	if init := runtime.Init; init != nil {
		config.Init = &InitConfig{init.Cmd, init.Args, pairMap(init.Env)}
	}
	return config, nil
}
