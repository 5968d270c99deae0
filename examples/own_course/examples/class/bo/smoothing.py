import torch


def softmax(x):
    return x.exp() / x.exp().sum(dim=-1, keepdim=True)


def moving_average(x, width):
    raise NotImplementedError
