#!/usr/bin/env bash
# command_derive.sh WEFT: weft derive as its users see it. Batch normalization stands here whole; each line was checked by hand against the derivation on
# paper, and the last one against the closed form of Thorey. What rounding moved is left out: it is not the same for every compiler. Ends with
# "N passed, N failed".
set -u
weft=$1
. "$(dirname "${BASH_SOURCE[0]}")/command_checks.sh"
batchnorm=("batchnorm(h, gamma, beta)" --shape h=4,3 --shape gamma=3 --shape beta=3)

same() { # what is on stdin, but for what rounding moved
  sed -E 's/ (within|at most) [0-9]+e[-+][0-9]+//' "$folder/out" >"$folder/got"
  cat >"$folder/wanted"
  check "the text is as written in this script" diff "$folder/wanted" "$folder/got"
}

parses() {
  if command -v python3 >"$folder/null"; then
    check "JSON that parses" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$folder/out"
  fi
}

run 0 derive "${batchnorm[@]}" --ascii
silent err
same <<'END'
batchnorm(h, gamma, beta)

Definitions
  mu_j = 1/N sum_k h_kj
  centred_ij = h_ij - mu_j
  squared_ij = centred_ij^2
  sigma2_j = 1/N sum_k squared_kj
  rstd_j = (sigma2_j + eps)^(-1/2)
  hhat_ij = centred_ij rstd_j
  y_ij = gamma_j hhat_ij + beta_j
  where N = 4, eps = 1e-05

Chain rule: what reaches each array from those that are computed with it, the last one first
  L is any one number computed from y_ij, and dL/dy_ij is what arrives from there.
  delta_ij is 1 where i = j and 0 elsewhere: it picks one term out of a sum.

  dL/dhhat_ij = sum_kl dL/dy_kl dy_kl/dhhat_ij
                with dy_kl/dhhat_ij = gamma_l delta_ik delta_jl
              = sum_kl dL/dy_kl gamma_l delta_ik delta_jl
              = dL/dy_ij gamma_j
                the engine's gradient, proved

  dL/drstd_j = sum_kl dL/dhhat_kl dhhat_kl/drstd_j
               with dhhat_kl/drstd_j = centred_kl delta_jl
             = sum_kl dL/dhhat_kl centred_kl delta_jl
             = sum_k dL/dhhat_kj centred_kj
               the engine's gradient, proved

  dL/dsigma2_j = sum_l dL/drstd_l drstd_l/dsigma2_j
                 with drstd_l/dsigma2_j = -1/2 (sigma2_l + eps)^(-3/2) delta_jl
               = -1/2 sum_l dL/drstd_l (sigma2_l + eps)^(-3/2) delta_jl
               = -1/2 dL/drstd_j (sigma2_j + eps)^(-3/2)
                 the engine's gradient, proved

  dL/dsquared_ij = sum_l dL/dsigma2_l dsigma2_l/dsquared_ij
                   with dsigma2_l/dsquared_ij = 1/N delta_jl
                 = 1/N sum_l dL/dsigma2_l delta_jl
                 = 1/N dL/dsigma2_j
                   the engine's gradient, proved

  dL/dcentred_ij = sum_kl dL/dhhat_kl dhhat_kl/dcentred_ij + sum_kl dL/dsquared_kl dsquared_kl/dcentred_ij
                   with dhhat_kl/dcentred_ij = rstd_l delta_ik delta_jl
                   with dsquared_kl/dcentred_ij = 2 centred_kl delta_ik delta_jl
                 = sum_kl dL/dhhat_kl rstd_l delta_ik delta_jl + 2 sum_kl dL/dsquared_kl centred_kl delta_ik delta_jl
                 = dL/dhhat_ij rstd_j + 2 dL/dsquared_ij centred_ij
                   the engine's gradient, proved

  dL/dmu_j = sum_kl dL/dcentred_kl dcentred_kl/dmu_j
             with dcentred_kl/dmu_j = -delta_jl
           = -sum_kl dL/dcentred_kl delta_jl
           = -sum_k dL/dcentred_kj
             the engine's gradient, proved

  dL/dbeta_j = sum_kl dL/dy_kl dy_kl/dbeta_j
               with dy_kl/dbeta_j = delta_jl
             = sum_kl dL/dy_kl delta_jl
             = sum_k dL/dy_kj
               the engine's gradient, proved

  dL/dgamma_j = sum_kl dL/dy_kl dy_kl/dgamma_j
                with dy_kl/dgamma_j = hhat_kl delta_jl
              = sum_kl dL/dy_kl hhat_kl delta_jl
              = sum_k dL/dy_kj hhat_kj
                the engine's gradient, proved

  dL/dh_ij = sum_kl dL/dcentred_kl dcentred_kl/dh_ij + sum_l dL/dmu_l dmu_l/dh_ij
             with dcentred_kl/dh_ij = delta_ik delta_jl
             with dmu_l/dh_ij = 1/N delta_jl
           = sum_kl dL/dcentred_kl delta_ik delta_jl + 1/N sum_l dL/dmu_l delta_jl
           = dL/dcentred_ij + 1/N dL/dmu_j
             the engine's gradient, proved

dh_ij: from the chain rule to the closed form
  dx is short for dL/dx, whatever x is.
  dh_ij = dcentred_ij + 1/N dmu_j
          the engine's gradient, proved

          insert the adjoint dmu_j: the chain rule above, at these indices
        = dcentred_ij - 1/N sum_k dcentred_kj
          the same numbers, proved

          insert the adjoint dcentred_ij: the chain rule above, at these indices
        = dhhat_ij rstd_j + 2 dsquared_ij centred_ij - 1/N sum_k (dhhat_kj rstd_j + 2 dsquared_kj centred_kj)
          the same numbers, proved

          multiply out: a (b + c) = a b + a c, sum_k (b_k + c_k) = sum_k b_k + sum_k c_k, sum_k a b_k = a sum_k b_k
        = dhhat_ij rstd_j + 2 dsquared_ij centred_ij - rstd_j/N sum_k dhhat_kj - 2/N sum_k dsquared_kj centred_kj
          the same numbers, proved

          insert the adjoint dsquared_ij: the chain rule above, at these indices
        = dhhat_ij rstd_j + 2/N dsigma2_j centred_ij - rstd_j/N sum_k dhhat_kj - 2/N^2 dsigma2_j sum_k centred_kj
          the same numbers, proved

          sum of deviations sum_k centred_kj: sum_k (x_k - m) = N m - N m = 0 for the mean m of the N numbers x_k
        = dhhat_ij rstd_j + 2/N dsigma2_j centred_ij - rstd_j/N sum_k dhhat_kj
          the same numbers, proved

          insert the adjoint dsigma2_j: the chain rule above, at these indices
        = dhhat_ij rstd_j - 1/N drstd_j centred_ij (sigma2_j + eps)^(-3/2) - rstd_j/N sum_k dhhat_kj
          the same numbers, proved

          insert the adjoint drstd_j: the chain rule above, at these indices
        = dhhat_ij rstd_j - centred_ij (sigma2_j + eps)^(-3/2)/N sum_k dhhat_kj centred_kj - rstd_j/N sum_k dhhat_kj
          the same numbers, proved

          insert the adjoint dhhat_ij: the chain rule above, at these indices
        = dy_ij gamma_j rstd_j - gamma_j centred_ij (sigma2_j + eps)^(-3/2)/N sum_k dy_kj centred_kj - gamma_j rstd_j/N
            sum_k dy_kj
          the same numbers, proved

          name the power rstd_j: what was defined as b^p: b^(n p) = (b^p)^n
        = dy_ij gamma_j rstd_j - gamma_j centred_ij rstd_j^3/N sum_k dy_kj centred_kj - gamma_j rstd_j/N sum_k dy_kj
          the same numbers, proved

          name the product hhat_ij: what was defined as a b is put for a b
        = dy_ij gamma_j rstd_j - gamma_j rstd_j hhat_ij/N sum_k dy_kj hhat_kj - gamma_j rstd_j/N sum_k dy_kj
          the same numbers, proved

          take out what all share: a b + a c = a (b + c)
        = gamma_j rstd_j/N (N dy_ij - sum_k dy_kj - hhat_ij sum_k dy_kj hhat_kj)
          the same numbers, proved

          write out rstd_j: its definition
        = gamma_j (sigma2_j + eps)^(-1/2)/N (N dy_ij - sum_k dy_kj - hhat_ij sum_k dy_kj hhat_kj)
          the same numbers, proved

dgamma_j: the chain rule's last line is the closed form
  dgamma_j = sum_k dy_kj hhat_kj
             the engine's gradient, proved

dbeta_j: the chain rule's last line is the closed form
  dbeta_j = sum_k dy_kj
            the engine's gradient, proved

Result
  dh_ij = gamma_j (sigma2_j + eps)^(-1/2)/N (N dy_ij - sum_k dy_kj - hhat_ij sum_k dy_kj hhat_kj)
  dgamma_j = sum_k dy_kj hhat_kj
  dbeta_j = sum_k dy_kj
24 lines computed in f64: from the engine's gradient; 24 proved
END

# --- closed forms, in UTF-8 ---
closed() { # EXPRESSION OPTION... -- LINE...: lines of the result
  local words=()
  while [ "$1" != -- ]; do
    words+=("$1")
    shift
  done
  shift
  run 0 derive "${words[@]}"
  sed -n '/^Result$/,$p' "$folder/out" >"$folder/result"
  for line in "$@"; do
    check "the result is $line" grep -qFx -- "  $line" "$folder/result"
  done
  check "all is proved" bash -c "! grep -qE 'REFUTED|not proved' '$folder/out'"
}

closed "${batchnorm[@]}" -- 'dh_ij = γ_j (σ²_j + ε)^(-1/2)/N (N dy_ij − Σ_k dy_kj − ĥ_ij Σ_k dy_kj ĥ_kj)' 'dγ_j = Σ_k dy_kj ĥ_kj' 'dβ_j = Σ_k dy_kj'
closed 'softmax(z)' --shape z=2,3 -- 'dz_ij = p_ij (dp_ij − Σ_l dp_il p_il)'
closed 'layernorm(x, gamma, beta)' --shape x=2,3 --shape gamma=3 --shape beta=3 --wrt x -- \
  'dx_ij = (σ²_i + ε)^(-1/2)/D (D dy_ij γ_j − Σ_l dy_il γ_l − x̂_ij Σ_l dy_il γ_l x̂_il)'
closed 'z = x @ w + b; relu(z)' --shape x=4,2 --shape w=2,3 --shape b=3 --wrt w,b -- 'dw_ij = Σ_k dy_kj x_ki [z_kj > 0]' 'db_j = Σ_k dy_kj [z_kj > 0]'
closed 'mean(x) * sum(x * w)' --shape x=3 --shape w=3 --wrt w -- 'dw_i = x_i t4' # two sums in one product have letters of their own
closed '(x + y) * z' --in x=-2 --in y=5 --in z=-4 -- 'dx = z' 'dy = z' 'dz = x + y'
says '^  t3 = x \+ y$'
closed 'sum(x[1:] * x[:-1])' --shape x=5 -- 'dx_i = Σ_k x_k δ_{k+1,i} + Σ_k x_{k+1} δ_ik'

# --- other forms ---
run 0 derive "${batchnorm[@]}" --width 60 --wrt gamma
check "no line is wider than asked, but for the sentences" bash -c "! LC_ALL=C.UTF-8 grep -E '^ +[=d∂]' '$folder/out' | LC_ALL=C.UTF-8 grep -qE '.{61}'"
run 0 derive "${batchnorm[@]}" --no-proofs
check "nothing is called proved" bash -c "! grep -q proved '$folder/out'"
run 0 derive 'exp(x)' --shape x=400 --wrt x
complains 'not proved: there are 800 elements'
run 0 derive "${batchnorm[@]}" --json --ascii
parses
says '"command":	"derive"'
says '"rule":	"sum of deviations"'
says '"right":	"gamma_j \(sigma2_j \+ eps\)\^\(-1/2\)/N \(N dy_ij - sum_k dy_kj - hhat_ij sum_k dy_kj hhat_kj\)"'
says '"proved":	"proved"'
says '"verdict":	true'
run 0 derive "${batchnorm[@]}" --tex
says '^\\documentclass'
says 'hat\{h\}_\{ij\}\\, \\sum_\{k\} \\mathrm\{d\}y_\{kj\}\\, \\hat\{h\}_\{kj\}\\right\)$'
says '^\\end\{document\}$'
check "TeX is ASCII" bash -c "! LC_ALL=C grep -q $'[\200-\377]' '$folder/out'"
if command -v pdflatex >"$folder/null"; then
  for expression in 'batchnorm(h, gamma, beta)' 'p = softmax(h * gamma + beta); p' 'a_b = h[1:] @ h.T; relu(tanh(a_b) / 3)**2' 'where(h > 0, 1e-20 * h, gamma)'; do
    run 0 derive "$expression" --shape h=4,3 --shape gamma=3 --shape beta=3 --wrt h --tex
    cp "$folder/out" "$folder/document.tex"
    check "pdflatex takes $expression" bash -c "cd '$folder' && pdflatex -interaction=nonstopmode -halt-on-error document.tex >log && test -s document.pdf"
  done
fi

# --- refused ---
run 2 derive 'max(x)' --shape x=3
complains 'the derivative of max \(L\) is not written in indices'
silent out
run 2 derive 'fused_softmax(x)' --shape x=2,3
complains 'derive the staged function in its place'
run 2 derive 'x * 2' --shape x=3 --in y=1 --wrt y
complains 'no way leads from "y"'
run 2 derive 'x'
run 2 derive 'x' --shape x=3 --wrt z
run 2 derive
complains 'there is no expression'
run 2 derive 'x' --shape x=3 --width 3
run 2 derive 'x' --shape 3
complains 'NAME=4,3'
run 2 derive '2'
complains 'nothing to derive'
run 0 derive --help
says 'usage: weft derive'
run 0 derive 'sqrt(x)' --in x=4
run 1 derive 'sqrt(x)' --in x=-4 # NaN is the same as nothing

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
