"""What a check returns in place of an assertion."""

from __future__ import annotations

import ast

import pytest

from autograder.importing.asserts import assertion_of, observed

STUDENT = {"f", "y"}


@pytest.mark.parametrize(
    ("assertion", "returned"),
    [
        ("assert f(x) == 3", ["f(x)"]),
        ("assert 3 == f(x)", ["f(x)"]),
        ("assert f(1) == y.n", ["f(1)", "y.n"]),
        ("assert f(x) is None", ["f(x)"]),
        ("assert f(x) is not None", ["f(x)"]),
        ("assert not f(x)", ["f(x)"]),
        ("assert f(x)", ["f(x)"]),
        ("assert y.shape == (2, 3)", ["y.shape"]),
        ("assert type(y) == torch.Tensor", ["only(y, 'type')"]),
        ("assert isinstance(y, torch.Tensor)", ["only(y, 'type')"]),
        ("assert f(1) == 1 and f(2) == 4", ["f(1)", "f(2)"]),
        ("assert torch.allclose(f(x), e)", ["close(f(x), rtol=1e-05, atol=1e-08)"]),
        ("assert torch.allclose(e, f(x), atol=1e-3)", ["close(f(x), rtol=1e-05, atol=0.001)"]),
        ("assert np.isclose(f(x), 0.5, rtol=0.1).all()", ["close(f(x), rtol=0.1, atol=1e-08)"]),
        ("assert y.equal(e)", ["y"]),
        ("assert (f(x) == e).all()", ["f(x)"]),
        ("assert (f(x) >= 0).all()", ["f(x)"]),
        ("assert torch.all(f(x) == e).item()", ["f(x)"]),
        ("assert all(f(a) == b for a, b in pairs)", ["[f(a) for a, b in pairs]"]),
        ("assert abs(f(x) - 2) < 1e-6", ["close(f(x), rtol=1e-06, atol=1e-06)"]),
        ("assert (f(x) - e).abs().max() < tol", ["close(f(x), rtol=tol, atol=tol)"]),
        ("assert np.linalg.norm(e - f(x)) <= 0.1", ["close(f(x), rtol=0.1, atol=0.1)"]),
        ("assert rel_error(f(x), e) < 1e-7", ["close(f(x), rtol=1e-07, atol=1e-07)"]),
        ("assert f(x) < 0.5", ["at_most(f(x), 0.5)"]),
        ("assert 0.5 < f(x)", ["at_least(f(x), 0.5)"]),
        ("assert len(f(x)) >= 10", ["at_least(len(f(x)), 10)"]),
        ("assert_equal(f(x), 3)", ["f(x)"]),
        ("assert math.isclose(f(x), 3)", ["f(x)"]),
        ("self.assertAlmostEqual(f(x), 3)", ["close(f(x), rtol=0.0, atol=1e-07)"]),
        ("assert_almost_equal(f(x), 3, places=2)", ["close(f(x), rtol=0.0, atol=0.01)"]),
        ("self.assertAlmostEqual(f(x), 3, delta=0.5)", ["close(f(x), rtol=0.0, atol=0.5)"]),
        ("np.testing.assert_array_almost_equal(f(x), e, 4)", ["close(f(x), rtol=0.0, atol=0.0001)"]),
        ("assert f(x) == pytest.approx(3, abs=0.1)", ["close(f(x), rtol=1e-06, atol=0.1)"]),
        ("assert not torch.isnan(f(x)).any()", ["torch.isnan(f(x))"]),
        ("assert not np.any(f(x) < 0)", ["f(x)"]),
        ("assert f(2) < f(1)", ["at_most(f(2), f(1))"]),
        ("assert all(isinstance(v, float) for v in f(x))", ["[only(v, 'type') for v in f(x)]"]),
        ("np.testing.assert_allclose(f(x), e, rtol=1e-3)", ["close(f(x), rtol=0.001, atol=1e-08)"]),
        ("torch.testing.assert_close(f(x), e)", ["f(x)"]),
        ("self.assertTrue(f(x) == 2)", ["f(x)"]),
        ("self.assertLess(f(x), 2)", ["at_most(f(x), 2)"]),
        ("assert 3 in f(x)", ["f(x)"]),
        ("assert 3 not in y.items()", ["y.items()"]),
        ("assert 'weight' in y.state_dict()", ["sorted(y.state_dict())"]),
        ("assert all(v > 0 for v in f(x))", ["f(x)"]),
    ],
)
def test_what_is_compared_is_returned(assertion: str, returned: list[str]):
    test = assertion_of(ast.parse(assertion).body[0])
    assert test is not None
    seen = observed(test, STUDENT)
    assert seen is not None
    assert [ast.unparse(each.expression) for each in seen] == returned


@pytest.mark.parametrize(
    "assertion",
    [
        "assert f(x) in (1, 2)",
        "assert f(x) != 3",
        "assert f(x) == 1 or f(x) == 2",
        "assert isinstance(f(x), (int, float))",
        "assert hasattr(y, 'n')",
        "assert any(f(a) == a for a in b)",
        "assert x == 3",
    ],
)
def test_what_cannot_be_taken_apart_stays(assertion: str):
    test = assertion_of(ast.parse(assertion).body[0])
    assert test is not None
    assert not observed(test, STUDENT)


@pytest.mark.parametrize("statement", ["x = 1", "print(f(x))", "check(f)", "for x in y: assert x"])
def test_what_asserts_nothing_itself(statement: str):
    assert assertion_of(ast.parse(statement).body[0]) is None
