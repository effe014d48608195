// llhttp, strict and stopped between the parts of a message where our own code takes over.
#pragma once

#include <llhttp.h>

#include "dataplane/http/message.h"

namespace sluice::http {

// A parser of a request's fields and body: it believes to have read a request line of `version`.
// The line itself is ours, since llhttp knows a fixed list of methods and lets through targets that
// we do not.
const llhttp_t& RequestFieldParser(Version version);

// A parser at the start of a response.
const llhttp_t& ResponseParser();

}  // namespace sluice::http
