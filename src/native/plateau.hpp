// A rate that follows the loss, as in schedules/plateau.py.
#pragma once

#include "plan.hpp"

namespace manyfit::MANYFIT_ISA {

// What a plateau knows follows from the losses on record, so nothing of it is stored with a member.
class Plateau {
    double best_ = __builtin_inf(), bad_ = 0, wait_ = 0;

public:
    // What the rate is multiplied with after so many epochs on record.
    double recall(const Member& m, std::int64_t n_epochs) {
        *this = {};
        double multiplier = 1;
        if (m.plateau)
            for (std::int64_t e = 0; e < n_epochs; e++) watch(m, e, multiplier);
        return multiplier;
    }

    // One more epoch on record; cuts the multiplier where the loss has not improved for long.
    void watch(const Member& m, std::int64_t epoch, double& multiplier) {
        const double* p = m.plateau;
        if (double(epoch) < p[plateau_first]) return;
        const double loss = m.n_held ? m.held_loss[epoch] : m.loss[epoch];
        if (loss < (p[plateau_relative] ? best_ * (1.0 - p[plateau_threshold]) : best_ - p[plateau_threshold]))
            best_ = loss, bad_ = 0;
        else
            bad_++;
        if (wait_ > 0) wait_--, bad_ = 0;
        if (bad_ <= p[plateau_patience]) return;
        const double cut = multiplier * p[plateau_factor], lower = cut > p[plateau_floor] ? cut : p[plateau_floor];
        if (multiplier - lower > p[plateau_eps]) multiplier = lower;
        wait_ = p[plateau_cooldown], bad_ = 0;
    }
};

}  // namespace manyfit::MANYFIT_ISA
