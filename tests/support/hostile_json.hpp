// JSON that is meant to break whoever reads it, after the kinds of JSONTestSuite (N. Seriot, "Parsing JSON is a
// minefield", 2016), and what RFC 8259 says of each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mjwatchd::test {

enum class Said : std::uint8_t {
  json,        ///< must be read
  not_json,    ///< must be refused
  bad_text,    ///< JSON but for its characters: RFC 8259 asks for UTF-8 without a mark, and pairs of surrogates
  two_of_one,  ///< JSON of which parsers make different things: a name stands twice
  too_much     ///< JSON, of a number that no double holds: may be refused
};

struct HostileJson {
  std::string text;
  Said said;
};

[[nodiscard]] inline std::vector<HostileJson> hostile_json() {
  std::vector<HostileJson> all;
  const auto add = [&all](Said said, std::initializer_list<std::string> texts) {
    for (const std::string& text : texts) all.push_back({text, said});
  };
  // Numbers.
  add(Said::json, {"[123e65]", "[0e+1]", "[0e1]", "[ 4]", "[-0.000000000000000000000000000000000000000000001]",
                   "[20e1]", "[-0]", "[-123]", "[1E22]", "[1E-2]", "[1E+2]", "[123.456e78]", "[1e-99999]",
                   "[100000000000000000000000000000000]", "0", "-1.5"});
  add(Said::not_json, {"[-01]",    "[-2.]",          "[.-1]",
                       "[.2e-3]",  "[0.1.2]",        "[0.3e+]",
                       "[0.3e]",   "[0.e1]",         "[0E+]",
                       "[0E]",     "[1.0e-]",        "[1.0e]",
                       "[1 000]",  "[1eE2]",         "[2.e+3]",
                       "[2.e3]",   "[9.e+]",         "[Inf]",
                       "[NaN]",    "[-NaN]",         "[+1]",
                       "[++1234]", "[1+2]",          "[0x1]",
                       "[0x42]",   "[Infinity]",     "[-foo]",
                       "[- 1]",    "[-012]",         "[-.123]",
                       "[1ea]",    "[1a]",           "[1.8011670033376514H-308]",
                       "[.123]",   "[1.]",           "[012]",
                       "-",        "[\xEF\xBC\x91]", "[-]",
                       "1e"});
  // Arrays and objects.
  add(Said::json, {"[[]   ]", "[\"\"]", "[]", "[null, 1, \"1\", {}]", "[1\n]", " [1]", "[1,null,null,null,2]", "[2] ",
                   "{}", "{\"\":0}", "{\"foo\\u0000bar\": 42}", "{\"a\":[]}", "{\n\"a\": \"b\"\n}",
                   "{\"title\":\"\\u041f\\u043e\\u043b\"}", "\t\r\n{}\t\r\n"});
  add(Said::not_json, {"[1 true]",
                       "[\"\": 1]",
                       "[\"\"],",
                       "[,1]",
                       "[1,,2]",
                       "[\"x\",,]",
                       "[\"x\"]]",
                       "[\"\",]",
                       "[\"x\"",
                       "[x",
                       "[3[4]]",
                       "[1:2]",
                       "[,]",
                       "[-",
                       "[   , \"\"]",
                       "[\"a\",\n4\n,1,",
                       "[1,]",
                       "[\"\va\"\\f]",
                       "[*]",
                       "[\"\"",
                       "[1,",
                       "[{}",
                       "[fals]",
                       "[nul]",
                       "[tru]",
                       "{[: \"x\"}",
                       "{\"x\", null}",
                       "{\"x\"::\"b\"}",
                       "{\"a\":\"a\" 123}",
                       "{key: 'value'}",
                       "{\"a\" b}",
                       "{:\"b\"}",
                       "{\"a\" \"b\"}",
                       "{\"a\":",
                       "{\"a\"",
                       "{1:1}",
                       "{9999E9999:1}",
                       "{null:null,null:null}",
                       "{\"id\":0,,,,,}",
                       "{'a':0}",
                       "{\"id\":0,}",
                       "{\"a\":\"b\"}/**/",
                       "{\"a\":\"b\"}/**//",
                       "{\"a\":\"b\"}//",
                       "{\"a\":/*comment*/\"b\"}",
                       "{\"a\":true} \"x\"",
                       "{\"a\":\"b\",,\"c\":\"d\"}",
                       "{a: \"b\"}",
                       "{\"a\":\"a",
                       "{ \"foo\" : \"bar\", \"a\" }",
                       "{\"a\":\"b\"}#"});
  // Texts.
  add(Said::json, {"[\"\\u0060\\u012a\\u12AB\"]", "[\"\\uD801\\udc37\"]", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
                   "[\"\\\\u0000\"]", "[\"\\u0000\"]", "[\"a/*b*/c/*d//e\"]", "[\"\\uFFFF\"]", "[\"\xEF\xBF\xBF\"]",
                   "[\"\xF4\x8F\xBF\xBF\"]", "[\"\xE2\x80\xA8\"]", "[\"\x7F\"]", "\" \""});
  add(Said::not_json, {"[\"\\uD800\\\"]",
                       "[\"\\uD800\\u\"]",
                       "[\"\\uD800\\u1\"]",
                       "[\"\\uD800\\u1x\"]",
                       "[\"\\\xE2\x9A\x95\"]",
                       "[\"\\\\\\\"]",
                       "[\"\\x00\"]",
                       "[\"\\u00A\"]",
                       "[\"\\uD834\\uDd\"]",
                       "[\"\\a\"]",
                       "[\"\\uqqqq\"]",
                       "[\"\\\xE5\"]",
                       "[\"\\\"]",
                       "['single quote']",
                       "abc",
                       "[\"\\",
                       "[\"\\u",
                       "[\\u0020\"asd\"]",
                       "[\\n]",
                       "\"",
                       "[\"\\U0001F600\"]",
                       "[\"\\v\"]"});
  add(Said::bad_text, {"\xEF\xBB\xBF{}", "[\"\xFF\"]", "[\"\xC0\xAF\"]", "[\"\xED\xA0\x80\"]", "[\"\xF4\x90\x80\x80\"]",
                       "[\"\xE6\x97\xA5\xD1\x88\xFA\"]", "[\"\\uD800\"]", "[\"\\uDFAA\"]", "[\"\\uDBFF\\uDBFE\"]",
                       "[\"\\uD888\\u1234\"]", "[\"\\uD800\\n\"]", "{\"\\uDFAA\":0}", "[\"\xF0\x82\x82\xAC\"]",
                       "[\"new\nline\"]", "[\"a\tb\"]", std::string("[\"a\0b\"]", 7)});
  // What is no text at all, or more than one.
  add(Said::not_json, {"",
                       " ",
                       "[",
                       "]",
                       "{",
                       "}",
                       "[1]x",
                       "[1][2]",
                       "<.>",
                       "[<null>]",
                       "[True]",
                       "undefined",
                       "*",
                       "{\"a\":\"b\"}{}",
                       "[\xE2\x81\xA0]",
                       "\xE2\x81\xA0",
                       "\xC3\xA5",
                       "[\f]",
                       "\f[]",
                       "\v[]",
                       "{}}",
                       "2@",
                       "1]",
                       "&\"a\"",
                       "\xEF\xBB\xBF",
                       "\xFF\xFE[\x00]",
                       std::string("\0", 1),
                       std::string("[1]\0", 4),
                       std::string("[\0]", 3),
                       std::string("\xFF\xFE[\0\"\0\xE9\0\"\0]\0", 12),
                       std::string("\0[\0\"\0\xE9\0\"\0]", 10),
                       "[\n1\n[\n",
                       "[\"x\", truth]",
                       "{\"x\": true,",
                       std::string(100'000, '['),
                       "[" + std::string(50'000, '{')});
  add(Said::two_of_one, {"{\"a\":\"b\",\"a\":\"c\"}", "{\"a\":\"b\",\"a\":\"b\"}", "[{\"a\":1,\"\\u0061\":2}]"});
  add(Said::too_much, {"[1e999]", "[-1e999]", "[123123e100000]"});
  return all;
}

}  // namespace mjwatchd::test
