#include "daemon/http/client_fault.hpp"

#include <doctest/doctest.h>

namespace mjwatchd::http {

TEST_CASE("curl's results without a proxy") {
  Situation now;
  now.connected = true;
  CHECK(judge(CURLE_COULDNT_RESOLVE_HOST, now) == Fault::dns);
  CHECK(judge(CURLE_COULDNT_CONNECT, now) == Fault::connect);
  CHECK(judge(CURLE_PEER_FAILED_VERIFICATION, now) == Fault::tls);
  CHECK(judge(CURLE_SSL_CONNECT_ERROR, now) == Fault::tls);
  CHECK(judge(CURLE_SSL_CACERT_BADFILE, now) == Fault::tls);
  CHECK(judge(CURLE_OPERATION_TIMEDOUT, now) == Fault::timeout);
  CHECK(judge(CURLE_URL_MALFORMAT, now) == Fault::invalid_url);
  for (const CURLcode code : {CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
                              CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_UNSUPPORTED_PROTOCOL}) {
    CHECK(judge(code, now) == Fault::broken);
  }
  now.connected = false;
  CHECK(judge(CURLE_UNSUPPORTED_PROTOCOL, now) == Fault::invalid_url);
  CHECK(judge(CURLE_OPERATION_TIMEDOUT, now) == Fault::timeout);
}

TEST_CASE("whose fault it is behind a proxy") {
  Situation now;
  now.proxied = now.secure = true;
  CHECK(judge(CURLE_COULDNT_RESOLVE_PROXY, now) == Fault::proxy);
  CHECK(judge(CURLE_COULDNT_CONNECT, now) == Fault::proxy);
  CHECK(judge(CURLE_OPERATION_TIMEDOUT, now) == Fault::proxy);
  CHECK(judge(CURLE_URL_MALFORMAT, now) == Fault::invalid_url);
  now.connected = true;
  CHECK(judge(CURLE_OPERATION_TIMEDOUT, now) == Fault::timeout);
  now.proxy_status = 407;
  CHECK(judge(CURLE_RECV_ERROR, now) == Fault::proxy);
  now.proxy_status = 200;
  CHECK(judge(CURLE_PEER_FAILED_VERIFICATION, now) == Fault::tls);
  CHECK(judge(CURLE_RECV_ERROR, now) == Fault::broken);
  now.proxy_tls = true;
  CHECK(judge(CURLE_PEER_FAILED_VERIFICATION, now) == Fault::tls);
  now.proxy_status = 0;
  CHECK(judge(CURLE_PEER_FAILED_VERIFICATION, now) == Fault::proxy);
}

TEST_CASE("a SOCKS proxy tells whose fault it is") {
  Situation now;
  now.proxied = now.connected = true;
  CHECK(judge(CURLE_PROXY, now) == Fault::proxy);
  now.proxy_error = CURLPX_REPLY_NOT_ALLOWED;
  CHECK(judge(CURLE_PROXY, now) == Fault::proxy);
  now.proxy_error = CURLPX_REPLY_CONNECTION_REFUSED;
  CHECK(judge(CURLE_PROXY, now) == Fault::connect);
}

TEST_CASE("a path that is no socket is not a name that is unknown") {
  Situation now;
  now.unix_socket = true;
  CHECK(judge(CURLE_COULDNT_RESOLVE_HOST, now) == Fault::connect);
}

TEST_CASE("secrets are left out of curl's words") {
  Request request;
  request.url = "https://host/?token=a";
  request.proxy = "http://me:pw@proxy";
  request.userpwd = "ann:b";
  CHECK(describe(CURLE_COULDNT_CONNECT, "at https://host/?token=a via http://me:pw@proxy as ann:b, ann:b", request) ==
        "at the URL via the proxy's URL as the credentials, the credentials");
  CHECK(describe(CURLE_OK, "", Request()) == "No error");
}

TEST_CASE("details are one line") { CHECK(one_line("a\r\nb\x1b[0m\x7f\n") == "a  b [0m"); }

}  // namespace mjwatchd::http
