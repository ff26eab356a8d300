// A population in training: tables, groups of members of one structure, and threads that advance banks of them.
//
// Knows nothing of Python: the arrays of members are pointers, which whoever calls keeps alive.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "dispatch.hpp"

namespace manyfit {

enum class LayoutChoice { automatic, across, within };

// Rows of a table in the precision of training, and what was found on the way.
struct StoredView {
    View view;
    std::unique_ptr<void, void (*)(void*)> memory;
    std::int64_t largest_class = -1;
};

// Copies a table into padded rows. `y`: [n_target_rows][n_targets], or classes (then n_targets is 1), or neither. Fewer target
// rows than rows are repeated: copies of the same rows, one after the other.
StoredView store_view(Precision precision, const double* x, std::int64_t n_rows, int n_inputs, const double* y, int n_targets,
                      const std::int64_t* classes, const double* weights, std::int64_t n_target_rows = -1);

// Members of one structure: those that wait, and the banks that hold the others.
class Group final : public Supply {
public:
    Structure structure{};
    std::vector<int> widths;
    std::vector<Member> members;
    std::vector<ProbeRequest> requests;  // of all members, one after the other
    LayoutChoice layout = LayoutChoice::automatic;

    const Member* take(std::int64_t batch) override;
    // Members are in their final place: queues those that still train, longest first.
    void open();
    // Puts members of a bank back, to be taken first.
    void put_back(const Member* member);

    std::size_t n_waiting();
    bool has_work();
    // Steps times size, to start with the group that takes longest.
    double remaining_work() const;

    struct Held {
        std::unique_ptr<Bank> bank;
        LayoutKind kind;
        bool busy = false;
        std::int64_t steps = 0;  // in this call of advance
    };
    std::deque<Held> banks;

private:
    std::mutex mutex_;
    std::deque<const Member*> waiting_;
};

class Session {
public:
    Session(Precision precision, const NamedKernels& kernels) : precision_(precision), kernels_(kernels) {}

    Precision precision() const { return precision_; }
    const NamedKernels& kernels() const { return kernels_; }
    // Processor time that threads have spent in advance, summed.
    double seconds() const { return seconds_; }

    std::deque<StoredView> views;
    std::deque<std::vector<double>> tables;
    std::deque<Probe> probes;
    std::deque<std::vector<std::int32_t>> probe_rows;
    std::deque<Group> groups;

    // Advances until the deadline, until every bank took max_steps, or until all is done (then true).
    bool advance(std::optional<double> seconds, std::optional<std::int64_t> max_steps, int threads);
    // Writes every member back to its arrays.
    void flush();

private:
    using Clock = std::chrono::steady_clock;
    struct Work {
        Group* group = nullptr;
        Group::Held* held = nullptr;
    };
    struct Limits {
        std::optional<Clock::time_point> deadline;
        std::int64_t max_steps;
        int threads_per_group = 1;
        std::atomic<bool> stop = false;
        std::vector<Group*> by_work;  // most first
    };

    Precision precision_;
    const NamedKernels& kernels_;
    double seconds_ = 0;
    std::mutex entry_;  // one advance or flush at a time
    std::mutex mutex_;  // banks, limits, seconds

    LayoutKind layout_for(const Group& group, std::size_t company, int threads) const;
    void settle(Group& group, int threads);
    Work find_work(Limits& limits);
    void work(Limits& limits);
    bool is_left_alone(const Work& work, const Limits& limits) const;
    void run_bank(Work work, Limits& limits);
    void retreat(Group& group, Bank& bank);
};

}  // namespace manyfit
