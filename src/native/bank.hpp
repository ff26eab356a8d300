// The seam between the session, compiled once, and the kernels, compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plan.hpp"

namespace manyfit {

// Hands out members that wait. Banks on several threads ask the same one.
class Supply {
public:
    virtual ~Supply();
    // A member that stands at this batch of its epoch, or at any (batch < 0); null when there is none.
    virtual const Member* take(std::int64_t batch) = 0;
};

// A few members that advance together, step by step; whoever is done is stored and replaced.
class Bank {
public:
    virtual ~Bank();
    // Takes at most this many steps; fewer only when no member is left. Returns the steps taken.
    virtual std::int64_t run(std::int64_t max_steps) = 0;
    // Members in it, and the batch of the epoch that is next for all of them.
    virtual int occupied() const = 0;
    virtual std::int64_t batch() const = 0;
    // Writes every member back to the arrays of Python and forgets them; `left` is told who they were.
    virtual void empty(void (*left)(void* context, const Member*), void* context) = 0;
};

// What one form of a rule keeps of every parameter.
struct StateCard {
    const char* const* names;
    int n;
};

// What a rule of update is called and is made of, for Python.
struct RuleCard {
    const char* name;
    const char* const* hypers;
    int n_hypers;
    const char* const* flags;
    int n_flags;
    const StateCard* forms;  // by the flags that change the state or the arithmetic, the first ones
    int n_forms;
    const StateCard& state(unsigned flags) const { return forms[flags % unsigned(n_forms)]; }
    bool linear;  // a step is a linear function of gradient and state, as a proximal step needs it
};
struct Catalog {
    const RuleCard* rules;
    int n_rules;
};

// One instruction set's kernels. Functions that return bool return false for a name or number they do not know.
struct Kernels {
    int (*lanes)(Precision);
    Bank* (*make_bank)(Precision, LayoutKind, const Structure&, Supply&);
    // Logits of one member for the rows [from, to) of a view: out[row][output].
    void (*forward)(Precision, const Structure&, const void* params, const View&, std::int64_t from, std::int64_t to, void* out);
    // Gradient of each row's own loss with respect to its inputs: out[row][input].
    void (*input_grad)(Precision, const Structure&, const double* loss_settings, const void* params, const View&,
                       std::int64_t from, std::int64_t to, void* out);
    bool (*philox)(const std::uint32_t* counters, const std::uint32_t* keys, std::int64_t n, int rounds, std::uint32_t* out);
    void (*order)(std::uint64_t key, std::uint32_t epoch, std::int64_t n, std::int32_t* out);
    void (*dropout_mask)(std::uint64_t key, std::uint32_t step, int layer, std::int64_t n_positions, int n_units,
                         std::uint32_t keep16, double* out);
    bool (*elementary)(const char* name, Precision, const void* x, void* y, std::int64_t n);
    Catalog catalog;
};

#if defined(MANYFIT_HAS_V2)
namespace v2 {
Kernels kernels();
}
#endif
#if defined(MANYFIT_HAS_V3)
namespace v3 {
Kernels kernels();
}
#endif
#if defined(MANYFIT_HAS_V4)
namespace v4 {
Kernels kernels();
}
#endif
#if defined(MANYFIT_HAS_NEON)
namespace neon {
Kernels kernels();
}
#endif

}  // namespace manyfit
