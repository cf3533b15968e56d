#include "engine/engine.hpp"

#include "engine/kvm/engine.hpp"
#include "engine/uml/uml.hpp"

namespace msb::engine {

std::string_view to_string(EngineKind kind) {
    return kind == EngineKind::uml ? "uml" : "kvm";
}

std::string_view to_string(Exit::Reason reason) {
    switch (reason) {
    case Exit::Reason::powered_off: return "powered_off";
    case Exit::Reason::panic: return "panic";
    case Exit::Reason::killed: return "killed";
    case Exit::Reason::crashed: return "crashed";
    }
    return "?";
}

Result<std::unique_ptr<Engine>> Engine::start(EngineKind kind, const Machine& machine) {
    return kind == EngineKind::uml ? uml::start(machine) : kvm::start(machine);
}

} // namespace msb::engine
