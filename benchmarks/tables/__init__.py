"""Real tables: the main job beside scikit-learn's MLP, tuned for the same time, and beside boosted trees."""
