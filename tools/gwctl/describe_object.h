// Documents of -o yaml|json, and those of describe: an object's own keys first, then what is known
// about it besides. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "control/view/document.h"
#include "tools/gwctl/resource.h"

namespace sluice::gwctl {

using gateway_api::NamespacedName;

template <typename T>
Document ObjectDocument(const Context& context, const NamespacedName& name) {
  return view::ToDocument(context.view, *context.view.objects.Find<T>(name));
}

// `document`: of the object.
Document Describe(const Context& context, std::string_view kind, const NamespacedName& name,
                  const Document& document);

template <typename T>
Document DescribeObject(const Context& context, const NamespacedName& name) {
  return Describe(context, T::kKind, name, ObjectDocument<T>(context, name));
}

// "gateway/listener", "service:port", a Secret's name, an address.
Document ListenerDocument(const Context& context, const NamespacedName& name);
Document EndpointDocument(const Context& context, const NamespacedName& name);
Document CertificateDocument(const Context& context, const NamespacedName& name);
Document VipDocument(const Context& context, const NamespacedName& name);
Document DescribeListener(const Context& context, const NamespacedName& name);
Document DescribeCertificate(const Context& context, const NamespacedName& name);

}  // namespace sluice::gwctl
