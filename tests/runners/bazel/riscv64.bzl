"""A test built by riscv64's compiler; a project of some size has a cc_toolchain instead."""

def _riscv64_test(ctx):
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.run_shell(
        inputs = ctx.files.srcs,
        outputs = [program],
        command = "riscv64-linux-gnu-gcc -O1 -static -o %s %s" % (program.path, " ".join([f.path for f in ctx.files.srcs])),
        use_default_shell_env = True,
    )
    return [DefaultInfo(executable = program)]

riscv64_test = rule(
    implementation = _riscv64_test,
    attrs = {"srcs": attr.label_list(allow_files = [".c"])},
    test = True,
)
