"""A process of its own that signs files or reads their credentials.

The library needs twice a file's size in memory, and reads whatever a stranger's file holds, so it works here,
with a bound. A task comes in as JSON, an answer goes out as JSON; `credentials` is the other side.
"""

import io
import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

_OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
_QUIET = {"builder": {"thumbnail": {"enabled": False}}}
_MOST = 2000  # characters of a foreign text


def sign(task: dict) -> dict:
    """Sign each file; the answer tells nothing."""
    import c2pa

    for one in task["files"]:
        info = c2pa.C2paSignerInfo(
            task["algorithm"].encode(), task["chain"].encode(), task["key"].encode(), None
        )
        signer = c2pa.Signer.from_info(info)
        builder = c2pa.Builder(one["manifest"], context=c2pa.Context.from_dict({**_QUIET, **_OFFLINE}))
        if one["apart"]:
            builder.set_no_embed()
        with open(one["source"], "rb") as source, open(one["target"], "w+b") as target:
            scrap = io.BytesIO() if one["apart"] else target
            credentials = builder.sign(signer, one["kind"], source, scrap)
            if one["apart"]:
                target.write(credentials)
    return {}


def read(task: dict) -> dict:
    """What a file's credentials say, in few words: "found" is False if it has none."""
    import c2pa

    settings = dict(_OFFLINE)
    if task["root"]:
        settings["trust"] = {"user_anchors": task["root"]}
    context = c2pa.Context.from_dict(settings)
    with open(task["source"], "rb") as source:
        try:
            apart = Path(task["apart"]).read_bytes() if task["apart"] else None
            reader = c2pa.Reader(task["kind"], source, manifest_data=apart, context=context)
        except c2pa.C2paError.ManifestNotFound:  # pyright: ignore[reportAttributeAccessIssue]
            return {"found": False}
        active = reader.get_active_manifest() or {}
        results = reader.get_validation_results() or {}
        failures = (results.get("activeManifest") or {}).get("failure") or []
        return {
            "found": True,
            "state": reader.get_validation_state(),
            "failures": [_short(one.get("code")) for one in failures][:20],
            **_summary(active),
        }


def _summary(active: dict) -> dict:
    signature = active.get("signature_info") or {}
    tools = active.get("claim_generator_info") or [{}]
    summary = {
        "tool": _short(tools[0].get("name")),
        "version": _short(tools[0].get("version")),
        "issuer": _short(signature.get("issuer")),
        "subject": _short(signature.get("common_name")),
        "source_types": [],
        "mark": None,
        "model": None,
    }
    for assertion in active.get("assertions") or []:
        label, data = str(assertion.get("label")), assertion.get("data")
        if not isinstance(data, dict):
            continue
        if label.startswith("c2pa.actions"):
            types = [one.get("digitalSourceType") for one in data.get("actions") or []]
            summary["source_types"] += [_short(one).rpartition("/")[2] for one in types if one][:20]
        elif label.startswith("c2pa.soft-binding") and data.get("alg") == "org.cameo3d.mark.1":
            summary["mark"] = _short(((data.get("blocks") or [{}])[0]).get("value"))
        elif label == "org.cameo3d.origin":
            summary["model"] = _short(data.get("model"))
    return summary


def _short(text: object) -> str:
    return "".join(letter for letter in str(text)[:_MOST] if letter.isprintable())


_TASKS: dict[str, Callable[[dict], dict]] = {"sign": sign, "read": read}


def main() -> None:
    """Do the one task that standard input holds."""
    task = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (task["memory"], task["memory"]))
    try:
        answer = _TASKS[task["task"]](task)
    except MemoryError:
        answer = {"error": "not enough memory"}
    except Exception as error:  # whatever it is becomes the other side's one sentence
        answer = {"error": _short(error) or type(error).__name__}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
