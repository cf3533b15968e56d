#include "agent/exec/sessions.hpp"

#include "agent/exec/client_sessions.hpp"

#include <algorithm>

namespace msb::agent {

std::uint64_t Sessions::take_number(std::uint64_t announced) {
    if (announced > last_number_)
        last_number_ = announced;
    else if (announced == 0 || contains(announced))
        announced = ++last_number_;
    return announced;
}

bool Sessions::contains(std::uint64_t number) const {
    const auto sessions = list();
    return std::ranges::find(sessions, number, &wire::SessionInfo::session) != sessions.end();
}

Session* Sessions::find(std::uint64_t number) {
    if (KeptSession* kept = kept_.find(number))
        return kept->session();
    for (ClientSessions* client : clients_)
        if (Session* session = client->find_number(number))
            return session;
    return nullptr;
}

std::vector<wire::SessionInfo> Sessions::list() const {
    std::vector<wire::SessionInfo> sessions;
    kept_.list(sessions);
    for (const ClientSessions* client : clients_)
        client->list(sessions);
    std::ranges::sort(sessions, {}, &wire::SessionInfo::session);
    return sessions;
}

std::size_t Sessions::live_count() const {
    std::size_t count = kept_.live_count();
    for (const ClientSessions* client : clients_)
        count += client->live_count();
    return count;
}

void Sessions::stop_all(int signal) {
    for (ClientSessions* client : clients_)
        client->stop_all(signal);
    kept_.stop_all(signal);
}

} // namespace msb::agent
