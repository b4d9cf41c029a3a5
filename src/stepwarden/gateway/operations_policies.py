"""The rows of the table of routes that are about policies; see ``operations``."""

from typing import Final

from stepwarden.flow.policy_views import PoliciesView, PolicyView
from stepwarden.gateway import policies, wire
from stepwarden.gateway.operation import Operation

POLICIES: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/v1/policies",
        name="policies",
        group="Policies",
        summary="All policies that the log knows",
        description="Which is live, which in shadow or canary, what a rollback leads to, whether every demand is "
        "raised.",
        scope="read",
        handler=policies.listing,
        answer=PoliciesView,
    ),
    Operation(
        method="GET",
        path="/v1/policies/{policy}",
        name="policy",
        group="Policies",
        summary="One policy: text, steps, results",
        description="By its hash, at least 6 characters of it, or `live`, `candidate`, `shadow`, `canary`. `results` "
        "holds what a candidate answers against what the live policy does; they grow with every attempt.",
        scope="read",
        handler=policies.show,
        answer=PolicyView,
        problems=(404,),
        parameters={"policy": "live"},
    ),
    Operation(
        method="POST",
        path="/v1/policies",
        name="draft_policy",
        group="Policies",
        summary="Bring a policy into the log, as a draft",
        description="It decides nothing. 422 if it cannot be used.",
        scope="administer",
        handler=policies.draft,
        request=policies.DraftRequest,
        limit=policies.DRAFT_LIMIT,
        answer=wire.RecordedAnswer,
        problems=(409,),
        example='{"text":"version: 1\\nname: mine\\nprior: -4\\nactions: {\\"*\\": {sensitivity: 1, demand: none}}\\n'
        'bands: []\\nrules: []\\n"}',
    ),
    Operation(
        method="POST",
        path="/v1/policies/{policy}/steps",
        name="step_policy",
        group="Policies",
        summary="Take a policy a step further",
        description="`tested`, `back-tested`, `shadow`, `canary`, `withdrawn`, `promote`, `rollback` (of `live`), "
        "`retired`. 409 says what is missing.",
        scope="administer",
        handler=policies.step,
        request=policies.StepRequest,
        answer=wire.RecordedAnswer,
        problems=(404, 409),
        example='{"step":"canary","percent":10,"reason":"change 4711"}',
        parameters={"policy": "59f0072d31b6"},
    ),
    Operation(
        method="POST",
        path="/v1/emergency",
        name="emergency",
        group="Policies",
        summary="Raise every demand at once, or drop back",
        description="While it is on everybody needs two factors, for this very action, proved within the last minute.",
        scope="administer",
        handler=policies.emergency,
        request=policies.EmergencyRequest,
        answer=wire.RecordedAnswer,
        problems=(409,),
        example='{"on":true,"reason":"incident 12"}',
    ),
)
