// Which options the classes of packages beside torch have and what these accept for them.
#include <map>

#include "torch/options.h"

namespace optibridge::torch_bridge {
namespace {

using R = OptionRule;
using Rules = std::vector<OptionRule>;

Rules betas(R::Kind kind, Rules more) {
  Rules rules = {{"beta1", kind}, {"beta2", kind}};
  rules.insert(rules.end(), more.begin(), more.end());
  return rules;
}

void add_timm(std::map<std::string, Rules>& classes) {
  classes["timm.optim.Lamb"] = betas(R::ANY, {{"bias_correction", R::FLAG},
                                              {"eps", R::NOT_NEGATIVE},
                                              {"weight_decay", R::NOT_NEGATIVE},
                                              {"grad_averaging", R::FLAG},
                                              {"max_grad_norm", R::ANY_OR_NONE},
                                              {"trust_clip", R::FLAG},
                                              {"always_adapt", R::FLAG},
                                              {"caution", R::FLAG},
                                              {"decoupled_decay", R::FLAG},
                                              {"corrected_weight_decay", R::FLAG},
                                              {"max_lr_snapshot", R::ANY_OR_NONE}});
  classes["timm.optim.Lars"] = {{"momentum", R::NOT_NEGATIVE},     {"dampening", R::ANY},
                                {"weight_decay", R::NOT_NEGATIVE}, {"nesterov", R::FLAG},
                                {"trust_coeff", R::ANY},           {"eps", R::ANY},
                                {"trust_clip", R::FLAG},           {"always_adapt", R::FLAG}};
  classes["timm.optim.Lion"] = betas(R::BELOW_ONE, {{"weight_decay", R::ANY},
                                                    {"caution", R::FLAG},
                                                    {"corrected_weight_decay", R::FLAG},
                                                    {"max_lr_snapshot", R::ANY_OR_NONE},
                                                    {"maximize", R::FLAG}});
  classes["timm.optim.Adan"] = betas(R::BELOW_ONE, {{"beta3", R::BELOW_ONE},
                                                    {"eps", R::NOT_NEGATIVE},
                                                    {"weight_decay", R::ANY},
                                                    {"no_prox", R::FLAG},
                                                    {"caution", R::FLAG}});
}

void add_pytorch_optimizer(std::map<std::string, Rules>& classes) {
  classes["pytorch_optimizer.Lamb"] = betas(R::BELOW_ONE, {{"weight_decay", R::NOT_NEGATIVE},
                                                           {"weight_decouple", R::FLAG},
                                                           {"fixed_decay", R::FLAG},
                                                           {"rectify", R::FLAG},
                                                           {"degenerated_to_sgd", R::FLAG},
                                                           {"n_sma_threshold", R::WHOLE},
                                                           {"grad_averaging", R::FLAG},
                                                           {"max_grad_norm", R::NOT_NEGATIVE},
                                                           {"adam", R::FLAG},
                                                           {"pre_norm", R::FLAG},
                                                           {"eps", R::NOT_NEGATIVE},
                                                           {"maximize", R::FLAG},
                                                           {"adanorm", R::FLAG},
                                                           {"adanorm_r", R::ANY},
                                                           {"adam_debias", R::FLAG}});
  classes["pytorch_optimizer.LARS"] = {{"weight_decay", R::NOT_NEGATIVE},
                                       {"momentum", R::BELOW_ONE},
                                       {"dampening", R::BELOW_ONE},
                                       {"trust_coefficient", R::NOT_NEGATIVE},
                                       {"nesterov", R::FLAG},
                                       {"maximize", R::FLAG}};
  classes["pytorch_optimizer.Lion"] = betas(R::BELOW_ONE, {{"weight_decay", R::NOT_NEGATIVE},
                                                           {"weight_decouple", R::FLAG},
                                                           {"fixed_decay", R::FLAG},
                                                           {"maximize", R::FLAG},
                                                           {"use_gc", R::FLAG},
                                                           {"adanorm", R::FLAG},
                                                           {"adanorm_r", R::ANY},
                                                           {"cautious", R::FLAG}});
  classes["pytorch_optimizer.Adan"] = betas(R::BELOW_ONE, {{"beta3", R::UP_TO_ONE},
                                                           {"weight_decay", R::NOT_NEGATIVE},
                                                           {"weight_decouple", R::FLAG},
                                                           {"max_grad_norm", R::NOT_NEGATIVE},
                                                           {"eps", R::NOT_NEGATIVE},
                                                           {"maximize", R::FLAG},
                                                           {"use_gc", R::FLAG},
                                                           {"adanorm", R::FLAG},
                                                           {"adanorm_r", R::ANY}});
  classes["pytorch_optimizer.ScheduleFreeAdamW"] = {
      {"beta1", R::INSIDE_ONE},          {"beta2", R::BELOW_ONE},
      {"weight_decay", R::NOT_NEGATIVE}, {"r", R::ANY},
      {"weight_lr_power", R::ANY},       {"warmup_steps", R::WHOLE},
      {"decoupling_c", R::NOT_NEGATIVE}, {"ams_bound", R::FLAG},
      {"eps", R::NOT_NEGATIVE},          {"maximize", R::FLAG}};
}

void add_schedulefree(std::map<std::string, Rules>& classes) {
  classes["schedulefree.AdamWScheduleFree"] = betas(R::ANY, {{"eps", R::ANY},
                                                             {"weight_decay", R::ANY},
                                                             {"warmup_steps", R::WHOLE},
                                                             {"r", R::ANY},
                                                             {"weight_lr_power", R::ANY}});
  classes["schedulefree.SGDScheduleFree"] = {{"momentum", R::INSIDE_ONE},
                                             {"weight_decay", R::NOT_NEGATIVE},
                                             {"warmup_steps", R::WHOLE},
                                             {"r", R::ANY},
                                             {"weight_lr_power", R::ANY}};
}

}  // namespace

void add_third_party(std::map<std::string, Rules>& classes) {
  add_timm(classes);
  add_pytorch_optimizer(classes);
  add_schedulefree(classes);
}

}  // namespace optibridge::torch_bridge
