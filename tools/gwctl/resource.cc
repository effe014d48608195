#include "tools/gwctl/resource.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tools/gwctl/describe_object.h"
#include "tools/gwctl/rows.h"

namespace sluice::gwctl {
namespace {

using gateway_api::AddressPool;
using gateway_api::Gateway;
using gateway_api::GatewayClass;
using gateway_api::GrpcRoute;
using gateway_api::HttpRoute;
using gateway_api::ReferenceGrant;
using gateway_api::Service;
using gateway_api::TcpRoute;
using gateway_api::TlsRoute;
using gateway_api::UdpRoute;

const std::initializer_list<Column> kRouteColumns = {
    {"HOSTNAMES"}, {"PARENT REFS"}, {"ACCEPTED"}, {"RESOLVED"}, {"AGE"}, {"BACKENDS", true}};

const Resource kResources[] = {
    {.name = "gatewayclasses",
     .aliases = {"gc", "gatewayclass"},
     .namespaced = false,
     .columns = {{"CONTROLLER"}, {"ACCEPTED"}, {"AGE"}, {"GATEWAYS", true}},
     .list = GatewayClassRows,
     .document = ObjectDocument<GatewayClass>,
     .describe = DescribeObject<GatewayClass>},
    {.name = "gateways",
     .aliases = {"gtw", "gateway"},
     .columns =
         {{"CLASS"}, {"ADDRESSES"}, {"PORTS"}, {"PROGRAMMED"}, {"AGE"}, {"HTTPROUTES", true}},
     .list = GatewayRows,
     .document = ObjectDocument<Gateway>,
     .describe = DescribeObject<Gateway>},
    {.name = "listeners",
     .aliases = {"lis", "listener"},
     .columns = {{"PORT"},
                 {"PROTOCOL"},
                 {"HOSTNAME"},
                 {"ROUTES"},
                 {"PROGRAMMED"},
                 {"CONFLICTED", true},
                 {"RESOLVED", true},
                 {"CERTIFICATES", true}},
     .list = ListenerRows,
     .document = ListenerDocument,
     .describe = DescribeListener},
    {.name = "httproutes",
     .aliases = {"hr", "httproute"},
     .columns = kRouteColumns,
     .list = RouteRows<HttpRoute>,
     .document = ObjectDocument<HttpRoute>,
     .describe = DescribeObject<HttpRoute>},
    {.name = "grpcroutes",
     .aliases = {"gr", "grpcroute"},
     .columns = kRouteColumns,
     .list = RouteRows<GrpcRoute>,
     .document = ObjectDocument<GrpcRoute>,
     .describe = DescribeObject<GrpcRoute>},
    {.name = "tlsroutes",
     .aliases = {"tlsroute"},
     .columns = kRouteColumns,
     .list = RouteRows<TlsRoute>,
     .document = ObjectDocument<TlsRoute>,
     .describe = DescribeObject<TlsRoute>},
    {.name = "tcproutes",
     .aliases = {"tcproute"},
     .columns = kRouteColumns,
     .list = RouteRows<TcpRoute>,
     .document = ObjectDocument<TcpRoute>,
     .describe = DescribeObject<TcpRoute>},
    {.name = "udproutes",
     .aliases = {"udproute"},
     .columns = kRouteColumns,
     .list = RouteRows<UdpRoute>,
     .document = ObjectDocument<UdpRoute>,
     .describe = DescribeObject<UdpRoute>},
    {.name = "services",
     .aliases = {"svc", "service"},
     .columns = {{"TYPE"}, {"PORTS"}, {"AGE"}, {"REFERRED BY ROUTES", true}},
     .list = ServiceRows,
     .document = ObjectDocument<Service>,
     .describe = DescribeObject<Service>},
    {.name = "endpoints",
     .aliases = {"ep", "endpoint"},
     .columns = {{"READY"}, {"ENDPOINTS"}, {"NOT READY", true}},
     .list = EndpointRows,
     .document = EndpointDocument,
     .describe = EndpointDocument},
    {.name = "certs",
     .aliases = {"cert", "certificates"},
     .columns =
         {{"DNS NAMES"}, {"KEY"}, {"EXPIRES"}, {"VALID"}, {"ISSUER", true}, {"LISTENERS", true}},
     .list = CertificateRows,
     .document = CertificateDocument,
     .describe = DescribeCertificate},
    {.name = "vips",
     .aliases = {"vip"},
     .namespaced = false,
     .name_title = "ADDRESS",
     .columns =
         {{"GATEWAYS"}, {"PORTS"}, {"ANNOUNCED"}, {"OWNED"}, {"POOL", true}, {"INTERFACES", true}},
     .list = VipRows,
     .document = VipDocument,
     .describe = VipDocument},
    {.name = "pools",
     .aliases = {"ap", "pool", "addresspools", "addresspool"},
     .namespaced = false,
     .columns = {{"RANGES"}, {"INTERFACES"}, {"ANNOUNCED"}, {"IN USE"}, {"AGE"}},
     .list = PoolRows,
     .document = ObjectDocument<AddressPool>,
     .describe = DescribeObject<AddressPool>},
    {.name = "referencegrants",
     .aliases = {"refgrant", "referencegrant"},
     .columns = {{"FROM"}, {"TO"}, {"AGE"}},
     .list = ReferenceGrantRows,
     .document = ObjectDocument<ReferenceGrant>,
     .describe = DescribeObject<ReferenceGrant>},
};

}  // namespace

std::span<const Resource> Resources() { return kResources; }

const Resource* FindResource(std::string_view name) {
  auto found = std::ranges::find_if(kResources, [&](const Resource& resource) {
    return resource.name == name ||
           std::ranges::find(resource.aliases, name) != resource.aliases.end();
  });
  return found == std::end(kResources) ? nullptr : &*found;
}

std::string ResourceNames() {
  std::string names;
  for (const Resource& resource : kResources) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", resource.name, " (",
                    *resource.aliases.begin(), ")");
  }
  return names;
}

}  // namespace sluice::gwctl
