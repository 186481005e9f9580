// A Pd external named nn~, for the tests only: it lets our patches run where the real one is
// not. Arguments, messages, outlets and what is said on the console are those of nn~ 1.6;
// `get NAME`, which Max has, is added. Multichannel mode needs Pd 0.54.
//
// Pd quits without freeing its objects, and libtorch is then taken down under a block that is
// still played in a thread: close the patch before, which waits for the thread.
#include <m_pd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "host.h"
#include "text.h"

#if PD_MAJOR_VERSION > 0 || PD_MINOR_VERSION >= 54
#define HAVE_MULTICHANNEL 1
#else
#define HAVE_MULTICHANNEL 0
#define CLASS_MULTICHANNEL 0
#endif

using torchbend::Host;
using torchbend::Model;
using torchbend::Samples;

namespace {

t_class* nn_class;

// Pd allocates objects itself, so what has a constructor hangs on a pointer.
struct Nn {
  t_object object;
  t_float signal;
  Host* host;
  t_canvas* canvas;
  t_outlet* info;
  t_symbol* path;
  bool multichannel;
  int vector_size;
  std::vector<const float*>* in;
  std::vector<float*>* out;
};

void report(Nn* x) {
  for (const auto& note : x->host->take_notes()) post("nn~: %s", note.c_str());
  for (const auto& error : x->host->take_errors()) pd_error(x, "nn~: %s", error.c_str());
}

// Runs what may throw; an error is printed and nothing else happens.
template <class Call>
bool guarded(Nn* x, Call&& call) {
  bool done = false;
  try {
    call();
    done = true;
  } catch (const std::exception& e) {
    pd_error(x, "nn~: %s", e.what());
  }
  report(x);
  return done;
}

std::string find_model(Nn* x, const char* name) {
  std::string file = name;
  if (!file.ends_with(".ts")) file += ".ts";
  char folder[MAXPDSTRING];
  char* found = nullptr;
  const int fd = open_via_path(canvas_getdir(x->canvas)->s_name, file.c_str(), "", folder, &found,
                               MAXPDSTRING, 1);
  if (fd < 0) throw torchbend::Error("could not find file '" + file + "'");
  sys_close(fd);
  return (std::filesystem::path(folder) / found).string();
}

// Both lists are ordered inlet after inlet (outlet after outlet): there is one batch.
t_int* perform(t_int* w) {
  auto* x = reinterpret_cast<Nn*>(w[1]);
  x->host->process(*x->in, *x->out, x->vector_size);
  for (const auto& error : x->host->take_errors()) pd_error(x, "nn~: %s", error.c_str());
  return w + 2;
}

void dsp(Nn* x, t_signal** signals) {
  x->vector_size = signals[0]->s_n;
  x->in->clear();
  x->out->clear();
  const int inlets = x->host->params().in_channels, outlets = x->host->params().out_channels;
#if HAVE_MULTICHANNEL
  if (x->multichannel) {
    for (int i = 0; i < inlets; i++)
      x->in->push_back(signals[0]->s_vec + x->vector_size * (i % signals[0]->s_nchans));
    signal_setmultiout(&signals[1], outlets);
    for (int i = 0; i < outlets; i++)
      x->out->push_back(signals[1]->s_vec + x->vector_size * i);
    dsp_add(reinterpret_cast<t_perfroutine>(perform), 1, x);
    return;
  }
  for (int i = 0; i < outlets; i++) signal_setmultiout(&signals[inlets + i], 1);
#endif
  for (int i = 0; i < inlets; i++) x->in->push_back(signals[i]->s_vec);
  for (int i = 0; i < outlets; i++) x->out->push_back(signals[inlets + i]->s_vec);
  dsp_add(reinterpret_cast<t_perfroutine>(perform), 1, x);
}

bool load_model(Nn* x, const char* name) {
  return guarded(x, [&] {
    const std::string path = find_model(x, name);
    x->host->load(path, sys_getsr());
    x->path = gensym(path.c_str());
  });
}

void* create(t_symbol*, int argc, t_atom* argv) {
  auto* x = reinterpret_cast<Nn*>(pd_new(nn_class));
  x->host = new Host;
  x->in = new std::vector<const float*>;
  x->out = new std::vector<float*>;
  x->canvas = canvas_getcurrent();
  x->path = &s_;
  x->multichannel = false;
  outlet_new(&x->object, &s_signal);

  bool gpu = false;
  for (; argc > 0 && argv->a_type == A_SYMBOL; argc--, argv++) {
    const std::string flag = atom_getsymbol(argv)->s_name;
    if (flag == "-m") {
      x->multichannel = HAVE_MULTICHANNEL;
      if (!HAVE_MULTICHANNEL) pd_error(x, "nn~: no multichannel support, ignoring '-m' flag");
    } else if (flag == "-gpu" || flag == "-g") {
      gpu = true;
    } else if (flag == "-d") {
      x->host->set_enabled(false);
    } else {
      break;
    }
  }
  if (argc > 0) {
    const std::string method = argc > 1 ? atom_gensym(argv + 1)->s_name : "forward";
    const int size = argc > 2 ? static_cast<int>(atom_getint(argv + 2)) : Host::kDefaultBufferSize;
    if (gpu && !x->host->set_gpu(true)) post("nn~: GPU mode not available");
    x->host->prepare(method, size);
    if (load_model(x, atom_getsymbol(argv)->s_name)) {
      const auto& params = x->host->params();
      if (params.in_channels == 1 && params.out_channels == 1 &&
          x->host->buffer_size() > Host::kDefaultBufferSize)
        pd_error(x, "nn~: the real nn~ writes past its memory here: make the object with a "
                 "buffer of %d at most, then send it bufsize %d",
                 Host::kDefaultBufferSize, x->host->buffer_size());
      if (!x->multichannel) {
        for (int i = 1; i < params.in_channels; i++)
          inlet_new(&x->object, &x->object.ob_pd, &s_signal, &s_signal);
        for (int i = 1; i < params.out_channels; i++) outlet_new(&x->object, &s_signal);
      }
    }
  }
  x->info = outlet_new(&x->object, &s_anything);
  return x;
}

void destroy(Nn* x) {
  delete x->host;
  delete x->in;
  delete x->out;
}

// -- messages --------------------------------------------------------------------------
void on_enable(Nn* x, t_floatarg value) { x->host->set_enabled(value != 0); }

void on_reload(Nn* x) {
  guarded(x, [&] { x->host->reload(); });
}

void on_bufsize(Nn* x, t_floatarg size) {
  guarded(x, [&] { x->host->set_buffer_size(static_cast<int>(size)); });
}

void on_gpu(Nn* x, t_floatarg value) {
  if (!x->host->is_loaded())
    pd_error(x, "nn~: no model loaded");
  else if (!x->host->set_gpu(value != 0))
    post("nn~: GPU mode not available");
}

// Inlets and outlets cannot change in number, so both want multichannel mode.
void on_method(Nn* x, t_symbol* method) {
  if (!x->multichannel) {
    pd_error(x, "nn~: method change is only supported in multichannel mode");
    return;
  }
  bool changed = false;
  guarded(x, [&] { changed = x->host->set_method(method->s_name); });
  if (changed) canvas_update_dsp();
}

void on_load(Nn* x, t_symbol* name) {
  if (!x->multichannel) {
    pd_error(x, "nn~: dynamically loading models is only supported in multichannel mode");
    return;
  }
  const auto before = x->host->params();
  const auto& now = x->host->params();
  if (load_model(x, name->s_name) && (now.in_channels != before.in_channels ||
                                      now.out_channels != before.out_channels))
    canvas_update_dsp();
}

Samples array_samples(const char* name) {
  auto* array = reinterpret_cast<t_garray*>(pd_findbyclass(gensym(name), garray_class));
  if (!array) throw torchbend::Error(std::string("table ") + name + " not found");
  int size = 0;
  t_word* words = nullptr;
  if (!garray_getfloatwords(array, &size, &words))
    throw torchbend::Error(std::string("could not access table ") + name);
  Samples samples{.channels = 1, .frames = size, .sample_rate = sys_getsr()};
  for (int i = 0; i < size; i++) samples.data.push_back(words[i].w_float);
  return samples;
}

void on_set(Nn* x, t_symbol*, int argc, t_atom* argv) {
  if (argc < 2 || argv->a_type != A_SYMBOL) {
    pd_error(x, "nn~: set needs at least 2 arguments [set argname argval1 ...(");
    return;
  }
  const std::string name = atom_getsymbol(argv)->s_name;
  guarded(x, [&] {
    Model& model = x->host->model();
    bool known = false;
    if (x->host->is_loaded())
      for (const auto& attribute : model.attributes()) known = known || attribute == name;
    if (!known) throw torchbend::Error("argument name not settable in current model");
    std::vector<std::string> args;
    std::map<std::string, Samples> samples;
    for (int i = 1; i < argc; i++) {
      if (argv[i].a_type == A_FLOAT) {
        args.push_back(torchbend::pd_text(argv[i].a_w.w_float));
      } else if (argv[i].a_type == A_SYMBOL) {
        const char* word = argv[i].a_w.w_symbol->s_name;
        args.emplace_back(word);
        if (model.takes_samples(name, i - 1))
          samples[Model::buffer_name(name, i - 1)] = array_samples(word);
      }
    }
    if (model.set(name, args, samples) != 0)
      throw torchbend::Error("setter for " + name + " failed");
  });
}

void on_get(Nn* x, t_symbol* name) {
  guarded(x, [&] {
    const std::string text = x->host->model().get_text(name->s_name);
    post("nn~: %s: %s", name->s_name, text.c_str());
  });
}

void send(Nn* x, const char* selector, std::vector<t_atom> atoms) {
  outlet_anything(x->info, gensym(selector), static_cast<int>(atoms.size()), atoms.data());
}

t_atom atom(double value) {
  t_atom result;
  SETFLOAT(&result, static_cast<t_float>(value));
  return result;
}

t_atom atom(const std::string& text) {
  t_atom result;
  SETSYMBOL(&result, gensym(text.c_str()));
  return result;
}

std::vector<t_atom> atoms(const std::vector<std::string>& texts) {
  std::vector<t_atom> list;
  for (const auto& text : texts) list.push_back(atom(text));
  return list;
}

void on_bang(Nn* x) {
  Host& host = *x->host;
  send(x, "loaded", {atom(host.is_loaded())});
  if (!host.is_loaded()) return;
  auto attributes = atoms(host.model().attributes());
  if (attributes.empty()) attributes.push_back(atom(std::string()));
  const auto params = host.params();
  send(x, "enabled", {atom(host.enabled())});
  send(x, "gpu", {atom(host.uses_gpu())});
  send(x, "model", {atom(std::string(x->path->s_name))});
  send(x, "methods", atoms(host.model().methods()));
  send(x, "method", {atom(host.method())});
  send(x, "attributes", attributes);
  send(x, "bufsize", {atom(host.buffer_size())});
  send(x, "dim", {atom(params.in_channels), atom(params.out_channels)});
  send(x, "ratio", {atom(params.in_ratio), atom(params.out_ratio)});
}

template <class Function>
t_method method(Function* function) {
  return reinterpret_cast<t_method>(function);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void nn_tilde_setup() {
  post("nn~ - torchbend's stand-in - torch %s", torchbend::torch_version().c_str());
  // For tests of models that draw at random.
  if (const char* seed = std::getenv("NN_SEED"))
    torchbend::set_seed(std::strtoull(seed, nullptr, 10));
  nn_class = class_new(gensym("nn~"), reinterpret_cast<t_newmethod>(create), method(destroy),
                       sizeof(Nn), CLASS_MULTICHANNEL, A_GIMME, 0);
  class_domainsignalin(nn_class, offsetof(Nn, signal));
  class_addmethod(nn_class, method(dsp), gensym("dsp"), A_CANT, 0);
  class_addmethod(nn_class, method(on_enable), gensym("enable"), A_FLOAT, 0);
  class_addmethod(nn_class, method(on_reload), gensym("reload"), A_NULL);
  class_addmethod(nn_class, method(on_bufsize), gensym("bufsize"), A_FLOAT, 0);
  class_addmethod(nn_class, method(on_gpu), gensym("gpu"), A_FLOAT, 0);
  class_addmethod(nn_class, method(on_method), gensym("method"), A_SYMBOL, 0);
  class_addmethod(nn_class, method(on_load), gensym("load"), A_SYMBOL, 0);
  class_addmethod(nn_class, method(on_set), gensym("set"), A_GIMME, 0);
  class_addmethod(nn_class, method(on_get), gensym("get"), A_SYMBOL, 0);
  class_addbang(nn_class, on_bang);
}
