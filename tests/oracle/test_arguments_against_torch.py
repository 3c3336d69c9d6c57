"""Arguments that the table of operations leaves at their defaults: each has the effect that it has in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

PROGRAMS = """
m.linalg.eigvalsh(T(A),UPLO="U")
m.linalg.eigvalsh(T(A),UPLO="L")
m.linalg.eigh(T(A),"U")[0]
m.linalg.qr(T(B),mode="complete")[0].abs()
m.linalg.qr(T(B),mode="r")[1].abs()
m.linalg.qr(T(B),mode="reduced")[1].abs()
m.linalg.svd(T(B),full_matrices=False)[0].abs()
m.linalg.svd(T(B),full_matrices=True)[0].abs()
m.linalg.pinv(T(B),rtol=.7)
m.linalg.pinv(T(A+A.T),hermitian=True)
m.linalg.pinv(T(A),hermitian=True)
m.linalg.matrix_rank(T(A),hermitian=True)
m.linalg.matrix_rank(T(A),atol=2.)
m.linalg.matrix_rank(T(A),rtol=.5)
m.linalg.matrix_rank(T(np.array([[0.,1],[0,0]])),hermitian=True)
F.interpolate(T(I),scale_factor=1.7,recompute_scale_factor=True,mode="bilinear")
F.interpolate(T(I),scale_factor=1.7,recompute_scale_factor=False,mode="bilinear")
F.interpolate(T(I),size=(3,4),mode="bilinear",align_corners=True)
F.scaled_dot_product_attention(T(S),T(S[:,:2]),T(S[:,:2]),enable_gqa=True)
F.scaled_dot_product_attention(T(S),T(S),T(S),is_causal=True,scale=.3)
F.conv_transpose1d(T(I[0]),T(W),stride=2,output_padding=1)
T(A).rot90(1,(1,0))
T(A).allclose(T(A*np.nan),equal_nan=True)
T(A).div(T(A.T),rounding_mode="trunc")
T(np.array([np.nan,np.inf,-np.inf])).nan_to_num(1.,2.,3.)
T(A[0]).to(m.float64,copy=True)
T(A).std(dim=1,correction=2)
T(A).var(1,unbiased=False)
T(A).std((0,1),False)
T(A).argsort(dim=0,descending=True,stable=True)
T(A).topk(2,dim=0,largest=False,sorted=True).values
T(A).round().unique(sorted=True,return_inverse=True,return_counts=True,dim=1)[2]
T(A).round().unique_consecutive(return_counts=True,dim=0)[1]
m.bucketize(T(A[0]),m.tensor([-1.,0.,1.]),out_int32=True,right=True)
m.searchsorted(m.tensor([-1.,0.,0.,1.]),m.tensor([0.]),right=True)
m.searchsorted(m.tensor([-1.,0.,0.,1.]),m.tensor([0.]),side="right")
m.searchsorted(m.tensor([1.,0.,-1.]),m.tensor([0.5]),sorter=m.tensor([2,1,0]))
F.embedding(m.tensor([0,1]),T(A),padding_idx=0,max_norm=.5,norm_type=1.,scale_grad_by_freq=True)
F.normalize(T(A),p=3.,dim=0,eps=5.)
F.layer_norm(T(A),(4,),T(A[0]),T(A[1]),.5)
F.instance_norm(T(I),T(A[0][:2]),T(np.abs(A[1][:2])),T(A[2][:2]),T(A[3][:2]),False)
F.ctc_loss(T(P).log_softmax(2),m.tensor([[1,2]]),m.tensor([5]),m.tensor([2]),0,"sum",True)
F.ctc_loss(T(P).log_softmax(2),m.tensor([[0,2]]),m.tensor([5]),m.tensor([2]),1,"none")
F.gumbel_softmax(T(A),tau=.5,hard=True,dim=0).sum(0)
F.triplet_margin_with_distance_loss(T(A),T(A+1),T(A-1),distance_function=lambda a,b:(a-b).norm(1,-1),margin=2.)
F.fold(T(C),(4,4),2,1,0,1)
F.unfold(T(I),2,2,1,2)
F.avg_pool2d(T(I),3,2,1,True,False)
F.avg_pool2d(T(I),3,2,1,True,True,2)
F.max_pool2d(T(I),2,2,1,2,True)
F.lp_pool2d(T(np.abs(I)),3,2,1,True)
F.local_response_norm(T(I),2,.5,.6,2.)
F.hardtanh(T(A),-.1,.1)
F.threshold(T(A),.1,5.)
F.softplus(T(A),2.,.5)
F.gelu(T(A),approximate="tanh")
F.glu(T(A),0)
F.cosine_similarity(T(A),T(A.T),0,.9)
F.pairwise_distance(T(A),T(A.T),1.,.5,True)
F.one_hot(m.tensor([0,1]),5)
F.pad(T(I),(1,1,2,2),"reflect")
F.gaussian_nll_loss(T(A),T(A.T),T(A*A),True,.5,"sum")
F.margin_ranking_loss(T(A),T(A.T),m.ones(4,4),.5,reduction="sum")
F.cross_entropy(T(A),T(A*A),T(A[0]*A[0]),label_smoothing=.2)
m.logspace(0,2,4,base=3.)
m.arange(0,3,.5,dtype=m.float64)
m.tril(T(A),-1)
m.einsum("ij,jk->ik",T(A),T(A))
m.histc(T(A),bins=3,min=-1,max=1)
m.bincount(m.tensor([1,1,2]),weights=m.tensor([.5,1.,2.]),minlength=5)
m.quantile(T(A),.3,dim=1,keepdim=True,interpolation="midpoint")
m.combinations(m.tensor([1,2,3]),2,True)
m.cartesian_prod(m.tensor([1,2]),m.tensor([3]))
m.addmm(T(A),T(A),T(A),beta=.5,alpha=2.)
m.baddbmm(T(A)[None],T(A)[None],T(A)[None],beta=.5,alpha=2.)
m.addcmul(T(A),T(A),T(A),value=.5)
m.add(T(A),T(A),alpha=3)
m.isclose(T(A),T(A+.1),rtol=.5,atol=.2)
m.cumsum(T(A),1,dtype=m.float32)
m.sum(T(A),0,True,dtype=m.float32)
m.trapezoid(T(A),dx=.3,dim=0)
m.nan_to_num(T(A))
m.take_along_dim(T(A),m.tensor([[0],[1],[2],[3]]),1)
m.index_add(T(A),0,m.tensor([0,1]),T(A[:2]),alpha=3)
m.scatter_reduce(T(A[0]),0,m.tensor([0,0,1]),T(A[1]),"mean",include_self=False)
m.meshgrid(T(A[0]),T(A[1]),indexing="xy")[0]
m.clamp(T(A),T(A.T),None)
""".strip().splitlines()


def inputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        **{
            "A": (4, 4),
            "B": (5, 3),
            "I": (1, 2, 5, 6),
            "S": (2, 4, 8, 3),
            "W": (5, 2, 3),
            "P": (5, 1, 3),
            "C": (1, 8, 9),
        }
    }
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("program", PROGRAMS)
def test_arguments_have_the_effect_that_they_have_in_pytorch(program: str) -> None:
    ours, theirs = (
        eval(program, {**inputs(), "np": np, "m": m, "F": m.nn.functional, "T": lambda a, m=m: m.tensor(a)})
        for m in (minigrad, torch)
    )
    expected: Any = np.asarray(theirs)
    found = np.asarray(ours)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)
