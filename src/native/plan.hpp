// What is to be trained, as plain data: written by the session, read by every kernel.
//
// This header is compiled by the baseline and by every instruction set alike, so it holds data and no code.
#pragma once

#include <cstdint>

namespace manyfit {

enum class Precision : int { float32, float64 };
enum class Loss : int { mse, mae, huber, cross_entropy, cross_entropy_smoothed, cross_entropy_weighted, bce, bce_smoothed };
enum class Activation : int { identity, relu, leaky_relu, tanh, sigmoid, gelu, silu, elu };
enum class LayoutKind : int { across, within };

// How a member ended; 0 while it trains.
enum Fate : std::int64_t { training = 0, finished = 1, diverged = 2, stopped_early = 3, target_reached = 4 };

// Columns of a member's row in the arrays that Python owns.
enum CursorColumn { cursor_epoch, cursor_batch, cursor_step, cursor_fate, cursor_fate_step, cursor_best_epoch, cursor_bad,
                    cursor_spare, cursor_columns };
enum PlateauColumn { plateau_first, plateau_factor, plateau_patience, plateau_threshold, plateau_relative, plateau_cooldown,
                     plateau_floor, plateau_eps, plateau_columns };
enum SumsColumn { sums_loss, sums_weight, sums_start, sums_best, sums_columns };

// Rows of a table in the precision of training: n_inputs numbers, a 1 (what a bias reads), n_targets numbers (a class as its
// number), one weight, zeros up to the stride, which is a multiple of 16 so that whole vectors can be read.
struct View {
    const void* rows;
    std::int64_t n_rows, stride;
    int n_inputs, n_targets;
    bool classes, weighted;
};

struct Probe {
    const View* view;
    const std::int32_t* rows;
    std::int64_t n_rows;
};

// A probe asked of one member: logits after `epochs[i]` epochs go to out[i][row][output].
struct ProbeRequest {
    const Probe* probe;
    const std::int32_t* epochs;
    std::int64_t n_epochs;
    void* out;
};

// What the members of a group share, and a bank is built for.
struct Structure {
    const int* widths;  // inputs, hidden layers, outputs
    int n_layers;       // weight matrices: one fewer than widths
    Activation activation;
    Loss loss;
    bool classes;         // targets are numbers of classes
    int n_loss_settings;  // numbers that a member's loss has of its own
    int optimizer;   // index in the list of rules
    unsigned flags;  // bit i: flag i of the rule
    int batch, n_batches, last_batch;
    bool shuffle;  // rows come in a new order each epoch, else as they stand
    int record_every;
    bool residual, norm;  // hidden layers add to the one before where both are equally wide; hidden sums are normalized
    bool watch;  // gradients, updates and dead units are recorded by layer
    int layer_room;  // layers that the record has room for
};

// One network in training: its settings, its rows, and where its numbers live between visits to a bank.
struct Member {
    void *params, *state, *best;  // best is null where nothing is kept
    double *loss, *held_loss, *sums;
    double *layers, *watched;  // [epoch][gradient, update, dead][layer_room], and the sums of the running epoch
    std::int64_t* cursor;

    const double *hyper, *loss_settings;
    const double* table;    // multipliers of the rate, one per step
    const double* plateau;  // how the rate follows the loss, columns as above; null where it does not
    std::uint64_t order_key, noise_key;
    std::int32_t epochs, patience;
    std::int64_t max_steps;

    const View* view;
    const std::int32_t *train, *held;
    std::int64_t n_train, n_held;
    std::int32_t train_id, held_id;  // equal for equal rows of the same view: such members can share what they read

    const std::uint32_t* keep16;  // chance of keeping a unit, in 65536ths: inputs, then each hidden layer
    double noise;                 // augmentation: standard deviation of what is added to the inputs
    std::uint32_t input_keep16;   // and chance of keeping one, in 65536ths
    // Penalties on weights and on biases: by the gradient, and (threshold) by a proximal step after the update.
    double l1, l2, l1_bias, l2_bias, threshold, threshold_bias;
    double clip_value, clip_norm;  // infinite where there is none
    double min_delta, target_loss;

    const ProbeRequest* probes;
    int n_probes;
};

}  // namespace manyfit
