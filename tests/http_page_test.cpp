#include "actors/http_gateway/page.hpp"

#include "tests/http_api_fixture.hpp"

#include <fstream>
#include <sstream>

using namespace tunerd;
using namespace tunerd::test;

namespace {

std::string read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string path_of(const rest::page_file& file) {
  return file.name == "index.html" ? "/" : "/assets/" + std::string{file.name};
}

} // namespace

TEST_CASE("the page in the binary is the page in the source tree",
          "[http_page]") {
  CHECK(rest::page_files().size() > 10);
  std::set<std::string_view> etags;
  for (const auto& file : rest::page_files()) {
    INFO(file.name);
    CHECK(file.content == read_file("deploy/web/" + std::string{file.name}));
    CHECK(file.etag.size() == 34);
    etags.insert(file.etag);
  }
  CHECK(etags.size() == rest::page_files().size());
}

TEST_CASE("the page names only files that it has", "[http_page]") {
  for (const auto& file : rest::page_files()) {
    // Modules import each other, the document names all from the root.
    const auto is_html = file.name.ends_with(".html");
    const std::string_view before = is_html ? "\"/assets/" : "from \"./";
    for (auto at = file.content.find(before); at != file.content.npos;
         at = file.content.find(before, at + 1)) {
      const auto begin = at + before.size();
      const auto name
        = file.content.substr(begin, file.content.find('"', begin) - begin);
      INFO(file.name << " names " << name);
      CHECK(rest::find_page_file(name) != nullptr);
    }
  }
}

TEST_CASE("no script of the page can make markup of a value", "[http_page]") {
  for (const auto& file : rest::page_files())
    for (const auto* word : {"innerHTML", "outerHTML", "insertAdjacentHTML",
                             "document.write", "eval(", "srcdoc", "//cdn"}) {
      INFO(file.name << " says " << word);
      CHECK(file.content.find(word) == file.content.npos);
    }
}

TEST_CASE_METHOD(api_fixture, "the page and its files need no token",
                 "[http_page][W4]") {
  require_tokens();
  for (const auto& file : rest::page_files()) {
    const auto reply = call("GET", path_of(file));
    INFO(file.name);
    CHECK(reply.status == 200);
    CHECK(reply.body == file.content);
    CHECK(reply.content_type == file.content_type);
    CHECK(header(reply.headers, "ETag") == file.etag);
    CHECK(header(reply.headers, "X-RateLimit-Limit").empty());
  }
  CHECK(call("GET", "/").content_type == "text/html; charset=utf-8");
  CHECK(call("GET", "/assets/app.js").content_type
        == "text/javascript; charset=utf-8");
}

TEST_CASE_METHOD(api_fixture,
                 "a browser lets the page talk to its own server only",
                 "[http_page]") {
  for (const auto* path : {"/", "/assets/app.js", "/assets/icon.svg"}) {
    const auto reply = call("GET", path);
    CHECK(header(reply.headers, "Content-Security-Policy")
            .starts_with("default-src 'none'; script-src 'self'; "
                         "style-src 'self'; connect-src 'self'; "
                         "img-src 'self' data:; base-uri 'none'; "
                         "form-action 'none'; frame-ancestors 'none'"));
    CHECK(header(reply.headers, "X-Content-Type-Options") == "nosniff");
    CHECK(header(reply.headers, "Referrer-Policy") == "no-referrer");
    CHECK(header(reply.headers, "Cache-Control") == "no-cache");
  }
}

TEST_CASE_METHOD(api_fixture, "a file that the browser has is not sent again",
                 "[http_page]") {
  const auto etag = header(call("GET", "/").headers, "ETag");
  const auto ask = [this](std::string known) {
    return call_as({}, "GET", "/", {}, {{"if-none-match", std::move(known)}});
  };
  for (const auto& known :
       {etag, "W/" + etag, "\"other\", " + etag, std::string{"*"}}) {
    const auto reply = ask(known);
    INFO(known);
    CHECK(reply.status == 304);
    CHECK(reply.body.empty());
    CHECK(header(reply.headers, "ETag") == etag);
    CHECK(header(reply.headers, "Cache-Control") == "no-cache");
  }
  for (const std::string known : {"\"other\"", "", ",", "W/", "W/\"other\""})
    CHECK(ask(known).status == 200);
}

TEST_CASE_METHOD(api_fixture, "what the page does not have is 404",
                 "[http_page]") {
  for (const auto* path :
       {"/assets/none.js", "/assets/../../etc/passwd", "/assets",
        "/assets/%2e%2e", "/assets/..%2findex.html", "/index.html",
        "/favicon.ico", "/assets/app.js/x"})
    check_error(call("GET", path), 404, "not_found");
  const auto post = call("POST", "/", "{}");
  check_error(post, 405, "method_not_allowed");
  CHECK(header(post.headers, "Allow") == "GET, HEAD");
}

TEST_CASE_METHOD(api_fixture, "a name of another host does not get the page",
                 "[http_page]") {
  for (const auto* path : {"/", "/assets/app.js"})
    check_error(call_as({}, "GET", path, {}, {{"host", "evil.example"}}), 403,
                "authorization_error");
}

TEST_CASE("an etag is found wherever a list has it", "[http_page]") {
  std::mt19937 random{11};
  INFO("seed 11");
  for (int i = 0; i < 5000; ++i) {
    std::string list;
    bool named = false;
    for (auto n = random() % 5; n > 0; --n) {
      const auto mine = random() % 4 == 0;
      named = named || mine;
      list += std::string(random() % 3, ' ');
      list += random() % 2 == 0 ? "W/" : "";
      list += mine ? "\"mine\"" : "\"" + std::to_string(random()) + "\"";
      list += std::string(random() % 3, '\t');
      list += n > 1 ? "," : "";
    }
    INFO(list);
    CHECK(rest::names_etag(list, "\"mine\"") == named);
  }
}
