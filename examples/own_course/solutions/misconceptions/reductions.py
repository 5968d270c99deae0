"""Wrong solutions that students write, each with a sentence that gets them unstuck."""

from autograder import misconception


@misconception("row_means", "These are the means of the columns. Which dimension did you name, and which one disappeared?")
def names_the_dimension_to_keep(x):
    return x.mean(dim=0)


@misconception("row_means", "Every row got the same number. How many numbers should a mean over rows have?")
def one_mean_for_all(x):
    return x.mean().expand(len(x))
