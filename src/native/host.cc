// Prepares a process for TensorFlow, before its library is loaded: see src/tensor/tensorflow.ts, which says what each part is for.
// It is compiled by `deltalab native install`, and needs Node-API alone.
#include <dlfcn.h>
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <mutex>
#include <string>

namespace {

std::string TextOf(napi_env env, napi_value value) {
  size_t size = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &size);
  std::string text(size + 1, '\0');
  napi_get_value_string_utf8(env, value, &text[0], text.size(), &size);
  text.resize(size);
  return text;
}

napi_value ToValue(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

// open(path): a library stays loaded until the process ends, whatever thread asked for it.
napi_value Open(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value path;
  napi_get_cb_info(env, info, &count, &path, nullptr, nullptr);
  if (dlopen(TextOf(env, path).c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE)) return nullptr;
  const char* fault = dlerror();
  return ToValue(env, fault ? fault : "it cannot be loaded");
}

// preset(name, value)
napi_value Preset(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value words[2];
  napi_get_cb_info(env, info, &count, words, nullptr, nullptr);
  setenv(TextOf(env, words[0]).c_str(), TextOf(env, words[1]).c_str(), 0);
  return nullptr;
}

// The file descriptor 2 is the process's: one thread at a time may turn it away.
std::mutex turned;

// hush(work): the work throws nothing.
napi_value Hush(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value work, receiver, result;
  napi_get_cb_info(env, info, &count, &work, nullptr, nullptr);
  napi_get_undefined(env, &receiver);
  std::lock_guard<std::mutex> guard(turned);
  FILE* file = tmpfile();
  const int kept = file ? dup(2) : -1;
  if (kept >= 0) dup2(fileno(file), 2);
  napi_call_function(env, receiver, work, 0, nullptr, &result);
  std::string said;
  if (kept >= 0) {
    fflush(stderr);
    dup2(kept, 2);
    close(kept);
    rewind(file);
    char block[4096];
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;) said.append(block, got);
  }
  if (file) fclose(file);
  return ToValue(env, said);
}

void Export(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace

NAPI_MODULE_INIT() {
  Export(env, exports, "open", Open);
  Export(env, exports, "preset", Preset);
  Export(env, exports, "hush", Hush);
  return exports;
}
