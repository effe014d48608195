#include "gateway-api/write.h"

#include <utility>

#include "gateway-api/parse.h"
#include "gateway-api/schema_core.h"
#include "gateway-api/schema_gateway.h"
#include "gateway-api/schema_route.h"
#include "gateway-api/writer.h"

namespace sluice::gateway_api {

Document ToDocument(const Object& object) {
  Document document = Document::object();
  document["apiVersion"] = ApiVersionOf(KindOf(object));
  document["kind"] = KindOf(object);
  // A schema takes what it describes as something that it may change.
  std::visit(
      [&](auto copy) {
        Writer writer(document);
        Describe(writer, copy);
      },
      object);
  return document;
}

}  // namespace sluice::gateway_api
