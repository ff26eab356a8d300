#include "session.hpp"

#include <time.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <thread>

#include "cost.hpp"

namespace manyfit {

Supply::~Supply() = default;
Bank::~Bank() = default;

// ---- a group

const Member* Group::take(std::int64_t batch) {
    const std::lock_guard lock(mutex_);
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
        const Member* member = *it;
        if (batch >= 0 && member->cursor[cursor_batch] != batch) continue;
        waiting_.erase(it);
        return member;
    }
    return nullptr;
}

void Group::open() {
    std::vector<const Member*> order;
    for (const Member& member : members)
        if (member.cursor[cursor_fate] == training) order.push_back(&member);
    // The longest first, so that no lane is left alone with a long one at the end.
    std::stable_sort(order.begin(), order.end(), [](const Member* a, const Member* b) {
        return a->epochs - a->cursor[cursor_epoch] > b->epochs - b->cursor[cursor_epoch];
    });
    waiting_.assign(order.begin(), order.end());
}

void Group::put_back(const Member* member) {
    const std::lock_guard lock(mutex_);
    waiting_.push_front(member);
}

std::size_t Group::n_waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
}

bool Group::has_work() {
    return n_waiting() || std::any_of(banks.begin(), banks.end(), [](const Held& held) { return held.bank->occupied() > 0; });
}

double Group::remaining_work() const {
    double steps = 0, size = 0;
    for (const Member& member : members)
        if (member.cursor[cursor_fate] == training)
            steps += double(member.epochs - member.cursor[cursor_epoch]) * structure.n_batches;
    for (int i = 0; i < structure.n_layers; i++) size += double(widths[i] + 1) * widths[i + 1];
    return steps * size * structure.batch;
}

// ---- which layout

LayoutKind Session::layout_for(const Group& group, std::size_t company, int threads) const {
    if (group.layout == LayoutChoice::across) return LayoutKind::across;
    if (group.layout == LayoutChoice::within) return LayoutKind::within;
    return cheaper_layout(group.structure, kernels_.kernels.lanes(precision_), int(company), threads);
}

// ---- a call of advance

namespace {

// Processor time of this thread: unlike a clock on the wall it means the same on a busy machine.
double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

}  // namespace

void Session::retreat(Group& group, Bank& bank) {
    bank.empty([](void* to, const Member* member) { static_cast<Group*>(to)->put_back(member); }, &group);
}

// Members of banks that are partly empty move together, or into the other layout, where that takes fewer banks.
void Session::settle(Group& group, int threads) {
    std::erase_if(group.banks, [](const Group::Held& held) { return held.bank->occupied() == 0; });
    std::size_t members = group.n_waiting(), banks = 0;
    const std::size_t lanes = std::size_t(kernels_.kernels.lanes(precision_));
    bool other_layout = false;
    for (const Group::Held& held : group.banks)
        if (held.kind == LayoutKind::across && held.bank->batch() == 0) members += std::size_t(held.bank->occupied()), banks++;
    if (banks) other_layout = layout_for(group, members, threads) == LayoutKind::within;
    if (!other_layout && banks <= (members + lanes - 1) / lanes) return;
    for (Group::Held& held : group.banks)
        if (held.kind == LayoutKind::across && held.bank->batch() == 0) retreat(group, *held.bank);
    std::erase_if(group.banks, [](const Group::Held& held) { return held.bank->occupied() == 0; });
}

bool Session::advance(std::optional<double> seconds, std::optional<std::int64_t> max_steps, int threads) {
    const std::lock_guard entry(entry_);
    Limits limits;
    if (seconds) limits.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*seconds));
    limits.max_steps = max_steps.value_or(std::numeric_limits<std::int64_t>::max());
    std::vector<std::pair<double, Group*>> work_left;
    for (Group& group : groups)
        if (group.has_work()) work_left.emplace_back(group.remaining_work(), &group);
    limits.threads_per_group = std::max(1, threads / std::max(1, int(work_left.size())));
    std::stable_sort(work_left.begin(), work_left.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (const auto& [_, group] : work_left) {
        settle(*group, limits.threads_per_group);
        for (Group::Held& held : group->banks) held.steps = 0;
        limits.by_work.push_back(group);
    }

    std::exception_ptr failure;
    auto guarded = [&] {
        const double start = thread_seconds();
        try {
            work(limits);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            failure = std::current_exception();
            limits.stop = true;
        }
        const std::lock_guard lock(mutex_);
        seconds_ += thread_seconds() - start;
    };
    std::vector<std::thread> others;
    try {
        for (int i = 1; i < threads; i++) others.emplace_back(guarded);
    } catch (...) {
        // The system gives no more threads: those there are do the work.
    }
    guarded();
    for (std::thread& thread : others) thread.join();
    if (failure) std::rethrow_exception(failure);

    return std::none_of(groups.begin(), groups.end(), [](Group& group) { return group.has_work(); });
}

void Session::work(Limits& limits) {
    while (true) {
        const Work next = find_work(limits);
        if (!next.held) return;
        try {
            run_bank(next, limits);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            next.held->busy = false;
            throw;
        }
        const std::lock_guard lock(mutex_);
        next.held->busy = false;
    }
}

// A bank that nobody runs, of the group with most work first; else a new one for members that wait.
Session::Work Session::find_work(Limits& limits) {
    const std::lock_guard lock(mutex_);
    if (limits.stop) return {};
    for (Group* group : limits.by_work) {
        for (Group::Held& held : group->banks)
            if (!held.busy && held.steps < limits.max_steps && held.bank->occupied()) {
                held.busy = true;
                return {group, &held};
            }
        const std::size_t waiting = group->n_waiting();
        if (!waiting) continue;
        const LayoutKind kind = layout_for(*group, waiting, limits.threads_per_group);
        std::unique_ptr<Bank> bank(kernels_.kernels.make_bank(precision_, kind, group->structure, *group));
        group->banks.push_back({std::move(bank), kind, true, 0});
        return {group, &group->banks.back()};
    }
    return {};
}

// Too few are left in a vector of networks, and nobody waits to join them: each goes on by itself, on any thread.
bool Session::is_left_alone(const Work& work, const Limits& limits) const {
    if (work.held->kind != LayoutKind::across || work.group->n_waiting()) return false;
    const int company = work.held->bank->occupied();
    return company && layout_for(*work.group, std::size_t(company), limits.threads_per_group) == LayoutKind::within;
}

void Session::run_bank(Work work, Limits& limits) {
    // The clock is read about every millisecond: rarely beside the cheapest steps, often beside a deadline.
    constexpr auto pace = std::chrono::milliseconds(1);
    std::int64_t stride = 1;
    auto before = Clock::now();
    while (work.held->steps < limits.max_steps && !limits.stop) {
        const std::int64_t wanted = std::min(stride, limits.max_steps - work.held->steps);
        const std::int64_t done = work.held->bank->run(wanted);
        work.held->steps += done;
        if (done < wanted) return;
        if (is_left_alone(work, limits)) return retreat(*work.group, *work.held->bank);
        const auto now = Clock::now();
        if (limits.deadline && now >= *limits.deadline) limits.stop = true;
        if (now - before < pace / 2) stride *= 2;
        else if (now - before > pace && stride > 1) stride /= 2;
        before = now;
    }
}

void Session::flush() {
    const std::lock_guard entry(entry_);
    for (Group& group : groups) {
        for (Group::Held& held : group.banks) retreat(group, *held.bank);
        group.banks.clear();
    }
}

}  // namespace manyfit
