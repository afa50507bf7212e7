"""What helps against overfitting: remedies side by side, on the same rows and the same folds.

problem        the rows that all remedies share, and the loss that judges them
remedy         one remedy: the strengths that were tried, the choice, what it came to
least_squares  no remedy
penalties      L2, L1 and the elastic net
early          early stopping
selecting      fewer features
noise          noise on the inputs, and the ridge that it stands for
curve          more data: what half of the rows would cost
comparing      `compare_remedies` itself
concluding     what the numbers say, in sentences
picture        losses of all remedies and learning curves as a picture
"""
