// The HTTP client of a pull, as it runs in a jail of Role::fetch: one thread, one curl_multi.
//
// It is told what to get over a packet socket, one JSON object a packet with one descriptor:
//   {"manifest": "<tag or digest>"}   a file for the document; a packet of one byte answers
//   {"blob": "<digest>"}              likewise
//   {"layer": "<digest>", "size": n}  the writing end of a pipe; nothing answers, the pipe is
//                                     closed when everything is in it
// It ends when the socket is closed, or with the first error. When a pipe is full its transfer is
// paused, so a slow disk slows the download and nothing is buffered beyond one callback's data.
#pragma once

#include "image/registry.hpp"

namespace msb::image {

/// Certificates to trust, in the jail.
constexpr const char* fetch_certificates = "/certificates.pem";

Status serve_fetches(const PullRequest& request, int socket);

} // namespace msb::image
