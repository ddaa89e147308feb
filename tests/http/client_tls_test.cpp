#include <fstream>

#include "tests/http/client_fixture.hpp"
#include "tests/http/client_nginx.hpp"

namespace mjwatchd::http::test {
namespace {

constexpr const char* kSelf = "IP:127.0.0.1";

bool skipped() {
  if (!Nginx::installed()) MESSAGE("skipped: there is no nginx here");
  return !Nginx::installed();
}

Response trusting(const std::string& url, const std::string& ca_file, const std::string& client_cert_file = "") {
  Loop loop;
  Request request = request_of(url);
  request.ca_file = ca_file;
  request.client_cert_file = client_cert_file;
  return loop.run(std::move(request));
}

}  // namespace

TEST_CASE("a certificate nobody vouches for is refused; its own authority makes it good") {
  if (skipped()) return;
  Certificates certificates;
  const std::string mine = certificates.of("mine", kSelf);
  const Nginx server(certificates, mine);
  const Response refused = trusting(server.url(), "");
  CHECK(refused.fault == Fault::tls);
  CHECK(refused.status == 0);
  CHECK(refused.detail != "");
  const Response good = trusting(server.url(), mine);
  CHECK(good.fault == Fault::none);
  CHECK(good.body == "trusted");
  CHECK(good.timings.tls > good.timings.connect);
  CHECK(trusting(server.url(), certificates.of("other", kSelf)).fault == Fault::tls);
}

TEST_CASE("a connection that one request trusts is not used for one that does not") {
  if (skipped()) return;
  Certificates certificates;
  const std::string mine = certificates.of("mine", kSelf);
  const Nginx server(certificates, mine);
  Loop loop;
  Request request = request_of(server.url());
  request.ca_file = mine;
  CHECK(loop.run(request).body == "trusted");
  request.ca_file.clear();
  CHECK(loop.run(request).fault == Fault::tls);
}

TEST_CASE("a certificate for another host is refused") {
  if (skipped()) return;
  Certificates certificates;
  const std::string other = certificates.of("other", "DNS:other.example");
  const Nginx server(certificates, other);
  CHECK(trusting(server.url(), other).fault == Fault::tls);
}

TEST_CASE("TLS 1.2 will do, 1.1 will not") {
  if (skipped()) return;
  Certificates certificates;
  const std::string mine = certificates.of("mine", kSelf);
  const Nginx good(certificates, mine, "ssl_protocols TLSv1.2;");
  CHECK(trusting(good.url(), mine).body == "trusted");
  const Nginx old(certificates, mine, "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;");
  const Response got = trusting(old.url(), mine);
  CHECK(got.fault == Fault::tls);
  CHECK(got.status == 0);
}

TEST_CASE("a certificate of our own is shown where it is asked for") {
  if (skipped()) return;
  Certificates certificates;
  const std::string mine = certificates.of("mine", kSelf), client = certificates.of("client", "DNS:client");
  const Nginx server(certificates, mine, "ssl_verify_client on; ssl_client_certificate " + client + ";");
  CHECK(trusting(server.url(), mine).status == 400);
  CHECK(trusting(server.url(), mine, client).body == "trusted");
}

TEST_CASE("files of certificates that are not there or not certificates") {
  if (skipped()) return;
  Certificates certificates;
  const std::string mine = certificates.of("mine", kSelf), junk = certificates.folder() + "/junk";
  std::ofstream(junk) << "not a certificate";
  const Nginx server(certificates, mine);
  for (const std::string& path : {junk, junk + "-absent"}) {
    CAPTURE(path);
    const Response authority = trusting(server.url(), path);
    CHECK(authority.fault == Fault::tls);
    CHECK(authority.detail.find(path) != std::string::npos);
    CHECK(trusting(server.url(), mine, path).fault == Fault::tls);
  }
}

TEST_CASE("https to what speaks plain HTTP") {
  RawServer server([](Peer& peer) {
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.stall();
  });
  CHECK(trusting("https://127.0.0.1:" + std::to_string(server.port()) + "/", "").fault == Fault::tls);
}

}  // namespace mjwatchd::http::test
