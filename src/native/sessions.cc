// The options of the sessions in which tfjs-node runs graphs. It is compiled into the binding by `deltalab native install`, where
// TF_NewSessionOptions is another name for this function.
#undef TF_NewSessionOptions
#include "tensorflow/c/c_api.h"

// A graph runs as it is written, so that it gives the bits of its operations one by one. TensorFlow would fuse some of them, which
// rounds otherwise, and takes longer to rewrite a graph than it wins. Nor may it compute once what is written into afterwards.
extern "C" TF_SessionOptions* PlainSessionOptions() {
  // ConfigProto: graph_options (10) { optimizer_options (3) { opt_level (3): L0 } rewrite_options (10) { disable_meta_optimizer (19): true } }
  static const unsigned char config[] = {0x52, 18,   0x1a, 11,   0x18, 0xff, 0xff, 0xff, 0xff, 0xff,
                                         0xff, 0xff, 0xff, 0xff, 1,    0x52, 3,    0x98, 1,    1};
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Status* status = TF_NewStatus();
  TF_SetConfig(options, config, sizeof config, status);
  TF_DeleteStatus(status);
  return options;
}
