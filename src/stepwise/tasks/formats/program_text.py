"""The text of a program around a completion: the header in the prompt, and the lines that belong to `solution`."""

from __future__ import annotations


def program_header(question: str) -> str:
    """The first lines of a program: `def solution():` and the question as docstring (ReFT, self-describing programs).

    Backslashes are escaped, and quotes that would end the docstring are replaced.
    """
    quoted = question.strip().replace("\\", "\\\\").replace('"""', "'''")
    if quoted.endswith('"'):
        quoted = quoted[:-1] + "'"
    return f'def solution():\n    """{quoted}"""\n'


def program_body(program: str) -> str:
    """The lines of `solution` after its docstring: what a model writes after the header."""
    lines = program.strip("\n").split("\n")
    start = next((i for i, line in enumerate(lines) if line.startswith("def solution")), -1) + 1
    if start < len(lines) and lines[start].strip().startswith('"""'):
        opened = lines[start].strip()
        while not (len(opened) >= 6 and opened.endswith('"""')) and start + 1 < len(lines):
            start += 1
            opened += lines[start].strip()
        start += 1
    return "\n".join(lines[start:]).rstrip()


def whole_program(question: str, completion: str) -> str:
    """The program to run: the header and the completion's lines up to the first that is not indented.

    The rest lies outside `solution`, so a completion cannot define it a second time.
    """
    lines = completion.split("\n")
    end = next((i for i, line in enumerate(lines) if line.strip() and not line[0].isspace()), len(lines))
    return program_header(question) + "\n".join(lines[:end])


def strict_program(question: str, completion: str) -> str:
    """The program as the released code cuts it: up to the first blank line, `sys.exit` replaced by `print`."""
    lines = completion.replace("sys.exit", "print").split("\n")
    end = next((i for i, line in enumerate(lines) if not line.strip()), len(lines))
    return whole_program(question, "\n".join(lines[:end]))
