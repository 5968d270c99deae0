"""Checks that students can run themselves; imported, and then given inputs drawn anew each time."""

from autograder import checks, close


@checks("softmax")
def test_softmax_1(code, given):
    """The result has the shape of x."""
    x = given.normal(2, 3, name="x")
    shares = code.softmax(x)
    return {"shares.shape": shares.shape}


@checks("softmax", gate=True)
def test_softmax_2(code, given):
    """The shares are those of each row."""
    x = given.normal(2, 3, name="x")
    shares = code.softmax(x)
    return {"shares": close(shares, rtol=1e-05, atol=1e-06)}


@checks("softmax")
def test_softmax_3(code, given):
    """Large numbers do not overflow."""
    large = given.normal(2, mean=1000.0, name="large")
    return {"softmax(large).sum()": code.softmax(large).sum()}


@checks("moving_average", gate=True)
def test_moving_average_4(code, given):
    """The numbers are the means of all windows."""
    y = given.normal(5, name="y")
    return {"moving_average(y, 2)": code.moving_average(y, 2)}


@checks("moving_average")
def test_moving_average_5(code, given):
    """A window as long as x has one mean."""
    y = given.normal(4, name="y")
    return {"moving_average(y, 4)": code.moving_average(y, 4)}
