// SPDX-License-Identifier: MIT
// A pointing test: plays sounds in an order of the session's own and writes down the directions.
"use strict";
(() => {
    const data = JSON.parse(document.getElementById("data").textContent);
    const get = (id) => document.getElementById(id);
    const dial = get("dial"), side = get("side"), player = get("player"), next = get("next");
    const fields = { azimuth: get("azimuth"), elevation: get("elevation") };
    const lines = ["assessor,trial,condition,target_az_deg,target_el_deg,answer_az_deg,"
        + "answer_el_deg,stimulus,place"];
    let session = "", order = [], trial = 0, played = false;
    let azimuth = null, elevation = 0;

    // FNV-1a of the seed and the session's name starts a xorshift generator.
    const shuffled = (count, text) => {
        let state = 2166136261;
        for (const c of text) state = Math.imul(state ^ c.codePointAt(0), 16777619);
        const random = () => {
            state ^= state << 13;
            state ^= state >>> 17;
            state ^= state << 5;
            return (state >>> 0) / 4294967296;
        };
        state = state || 1;
        const list = Array.from({ length: count }, (unused, i) => i);
        for (let i = count - 1; i > 0; i--) {
            const k = Math.floor(random() * (i + 1));
            [list[i], list[k]] = [list[k], list[i]];
        }
        return list;
    };

    const wrapped = (deg) => deg - 360 * Math.ceil((deg - 180) / 360); // -180 < . <= 180
    const clamped = (deg) => Math.min(Math.max(deg, -90), 90);
    const side_word = (deg) => deg === 0 ? "front" : Math.abs(deg) === 180 ? "behind"
        : Math.abs(deg) + " degrees to the " + (deg > 0 ? "left" : "right");

    const show = () => {
        dial.classList.toggle("unset", azimuth === null);
        dial.querySelector(".turn").setAttribute("transform", `rotate(${-(azimuth || 0)})`);
        dial.setAttribute("aria-valuenow", azimuth || 0);
        dial.setAttribute("aria-valuetext", azimuth === null ? "not answered" : side_word(azimuth));
        side.querySelector(".turn").setAttribute("transform", `rotate(${-elevation})`);
        side.setAttribute("aria-valuenow", elevation);
        side.setAttribute("aria-valuetext", elevation + " degrees");
        next.disabled = !played || azimuth === null;
    };
    const point = (a, e, from) => {
        if (a !== null) azimuth = Math.round(wrapped(a) * 10) / 10;
        if (e !== null) elevation = Math.round(clamped(e) * 10) / 10;
        if (a !== null && from !== fields.azimuth) fields.azimuth.value = azimuth;
        if (e !== null && from !== fields.elevation) fields.elevation.value = elevation;
        show();
    };

    const turn = (svg, middle, set) => {
        const take = (event) => {
            const box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
            const x = view.x + (event.clientX - box.left) / box.width * view.width;
            const y = view.y + (event.clientY - box.top) / box.height * view.height;
            set(x, y);
        };
        svg.addEventListener("pointerdown", (event) => {
            svg.setPointerCapture(event.pointerId);
            take(event);
        });
        svg.addEventListener("pointermove", (event) => {
            if (svg.hasPointerCapture(event.pointerId)) take(event);
        });
        svg.addEventListener("keydown", (event) => {
            const steps = { ArrowLeft: 1, ArrowUp: 1, ArrowRight: -1, ArrowDown: -1, PageUp: 10,
                PageDown: -10 };
            if (event.key in steps) middle(steps[event.key]);
            else if (event.key === "Home") middle(null);
            else return;
            event.preventDefault();
        });
    };
    turn(dial, (step) => point(step === null ? 0 : (azimuth || 0) + step, null),
        (x, y) => point(Math.round(Math.atan2(-x, -y) * 180 / Math.PI), null));
    turn(side, (step) => point(null, step === null ? 0 : elevation + step),
        (x, y) => point(null, Math.round(Math.atan2(-y, Math.max(x, 0)) * 180 / Math.PI)));
    for (const [name, field] of Object.entries(fields))
        field.addEventListener("input", () => {
            const value = parseFloat(field.value);
            if (!Number.isFinite(value)) return;
            if (name === "azimuth") point(value, null, field);
            else point(null, value, field);
        });

    const begin_trial = () => {
        azimuth = null;
        elevation = 0;
        played = false;
        fields.azimuth.value = "";
        fields.elevation.value = "0";
        player.src = data.stimuli[order[trial]].sound;
        get("progress").textContent = `Sound ${trial + 1} of ${order.length}`;
        next.textContent = trial + 1 < order.length ? "Next" : "Finish";
        show();
        get("play").focus();
    };
    const finish = () => {
        const text = lines.join("\n") + "\n";
        get("trial").hidden = true;
        get("end").hidden = false;
        get("csv").value = text;
        get("save").href = "data:text/csv;charset=utf-8," + encodeURIComponent(text);
        get("save").download = "pointing-" + session + ".csv";
        get("save").focus();
    };
    get("form").addEventListener("submit", (event) => {
        event.preventDefault();
        session = get("session").value.trim().replace(/[^A-Za-z0-9._-]/g, "_") || "anonymous";
        order = shuffled(data.stimuli.length, data.seed + "/" + session);
        get("start").hidden = true;
        get("trial").hidden = false;
        begin_trial();
    });
    get("play").addEventListener("click", () => {
        player.currentTime = 0;
        player.play();
        played = true;
        show();
    });
    next.addEventListener("click", () => {
        const s = data.stimuli[order[trial]];
        lines.push([session, s.trial, s.condition, s.azimuth, s.elevation, azimuth, elevation,
            s.stimulus, trial + 1].join(","));
        player.pause();
        trial++;
        if (trial < order.length) begin_trial();
        else finish();
    });
})();
