"""All cases, in the table's order."""

from benchmarks.coverage import (
    activation_cases,
    application_cases,
    layer_cases,
    network_cases,
    operation_cases,
    recurrent_cases,
)

CASES = [
    *layer_cases.cases(),
    *activation_cases.cases(),
    *recurrent_cases.cases(),
    *network_cases.cases(),
    *application_cases.cases(),
    *operation_cases.cases(),
]
