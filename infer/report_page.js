// SPDX-License-Identifier: MIT
// The report's cursor: one time for the players, the plots, the view from above and the pictures.
// Without this script the page shows everything but does not move.
"use strict";
(() => {
    const data = JSON.parse(document.getElementById("data").textContent);
    const all = (selector) => [...document.querySelectorAll(selector)];
    const players = all("audio");
    const seek = document.getElementById("seek");
    const stage = document.getElementById("stage");
    const frames = all(".strip button");
    const maps = all(".map button");
    let time = data.start;
    let current = players[0] || null; // the player that is heard, or would be

    document.documentElement.classList.add("live");

    const clamp = (t) => Math.min(Math.max(t, data.start), data.end);
    const share = (t) => (100 * (clamp(t) - data.start)) / (data.end - data.start);
    const clock = (t) => {
        if (data.end < 60) return t.toFixed(2) + " s";
        const s = Math.floor(t), two = (n) => String(n).padStart(2, "0");
        const rest = two(s % 60) + "." + Math.floor((t - s) * 10);
        return s < 3600 ? Math.floor(s / 60) + ":" + rest
            : Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + ":" + rest;
    };

    // Straight between samples, both ends held; null where there is no number.
    const valueAt = (ts, vs, t) => {
        let lo = 0, hi = ts.length - 1;
        if (hi < 0) return null;
        if (t <= ts[0]) return vs[0];
        if (t >= ts[hi]) return vs[hi];
        while (hi - lo > 1) {
            const middle = (lo + hi) >> 1;
            if (ts[middle] <= t) lo = middle;
            else hi = middle;
        }
        if (vs[lo] === null || vs[hi] === null || ts[lo] === null || ts[hi] === null) return null;
        return vs[lo] + ((vs[hi] - vs[lo]) * (t - ts[lo])) / (ts[hi] - ts[lo] || 1);
    };

    const signed = (v) => {
        const digits = Math.abs(v).toFixed(1);
        return (+digits === 0 ? "" : v > 0 ? "+" : "\u2212") + digits + "°";
    };
    const readings = {
        az: (o, t) => {
            const v = valueAt(o.t, o.az, t);
            return v === null ? null : signed(v - 360 * Math.floor((v + 180) / 360));
        },
        el: (o, t) => {
            const v = valueAt(o.t, o.el, t);
            return v === null ? null : signed(v);
        },
        dist: (o, t) => {
            const v = valueAt(o.t, o.dist, t);
            return v === null ? null : v.toFixed(2) + " m";
        },
        conf: (o, t) => {
            const v = valueAt(o.ct, o.conf, t);
            return v === null ? null : v.toFixed(2);
        },
    };

    // The last of some buttons whose time is not after t, or the first.
    const nearest = (buttons, t) => {
        let best = null, least = Infinity;
        for (const b of buttons) {
            const d = Math.abs(b.dataset.time - t);
            if (d < least) [best, least] = [b, d];
        }
        return best;
    };
    const mark = (buttons, chosen) => buttons.forEach((b) => b.classList.toggle("now", b === chosen));

    const showStage = (frame) => {
        if (!stage || !frame) return;
        const source = frame.querySelector("img"), image = stage.querySelector("img");
        if (image.src !== source.src) image.src = source.src;
        image.alt = source.alt;
        stage.querySelector("figcaption").textContent =
            "Picture nearest to the cursor: " + frame.querySelector("span").textContent;
    };

    const show = () => {
        for (const output of all("output[data-now]")) {
            output.replaceChildren(...data.objects.flatMap((o, i) => {
                const text = readings[output.dataset.now](o, time);
                if (text === null || document.querySelector(`[data-show="${i}"]`)?.checked === false)
                    return [];
                const span = document.createElement("span");
                span.className = "c" + (i % 6);
                span.textContent = text;
                return [span];
            }));
        }
        if (seek) {
            seek.querySelector(".cursor").style.left = share(time) + "%";
            seek.setAttribute("aria-valuenow", time.toFixed(3));
            seek.setAttribute("aria-valuetext", clock(time));
        }
        const top = document.querySelector(".top svg");
        for (const dot of all("[data-here]")) {
            const o = data.objects[dot.dataset.here], scale = +top.dataset.scale;
            const front = valueAt(o.t, o.front, time), left = valueAt(o.t, o.left, time);
            const known = front !== null && left !== null;
            dot.setAttribute("cx", known ? 320 - scale * left : -99);
            dot.setAttribute("cy", known ? 320 - scale * front : -99);
        }
        const frame = nearest(frames, time);
        mark(frames, frame);
        mark(maps, nearest(maps, time));
        showStage(frame);
        if (bar) bar.querySelector("output").textContent = clock(time);
    };

    const go = (t) => {
        time = clamp(t);
        if (current) current.currentTime = Math.max(0, time);
        show();
    };

    // One player sounds at a time; another one takes over where the last one was.
    let bar = null;
    const follow = () => {
        if (!current || current.paused) return;
        time = clamp(current.currentTime);
        show();
        requestAnimationFrame(follow);
    };
    const choose = (player) => {
        if (player === current) return;
        const playing = current && !current.paused;
        if (playing) current.pause();
        current = player;
        current.currentTime = Math.max(0, time);
        if (playing) current.play();
        showBar();
    };
    const toggle = () => {
        if (!current) return;
        if (current.paused) current.play();
        else current.pause();
    };
    const showBar = () => {
        if (!bar) return;
        const playing = current && !current.paused;
        const button = bar.querySelector("button");
        button.textContent = playing ? "❚❚" : "▶";
        button.setAttribute("aria-label", playing ? "Pause" : "Play");
        bar.querySelectorAll("input").forEach((input, i) => (input.checked = players[i] === current));
    };
    players.forEach((player) => {
        player.addEventListener("play", () => {
            players.forEach((other) => other !== player && other.pause());
            if (current !== player) {
                current = player;
                player.currentTime = Math.max(0, time);
            }
            showBar();
            requestAnimationFrame(follow);
        });
        player.addEventListener("pause", showBar);
        player.addEventListener("seeked", () => {
            // Where this script sent it, as far as the sound goes: the cursor may be beyond its end.
            const sent = Math.min(Math.max(0, time), player.duration || Infinity);
            if (player !== current || !player.paused || Math.abs(player.currentTime - sent) < 0.05)
                return;
            time = clamp(player.currentTime);
            show();
        });
    });

    // A bar with the controls that stays in sight while the plots are looked at.
    const makeBar = () => {
        bar = document.createElement("div");
        bar.className = "bar";
        const button = document.createElement("button");
        button.type = "button";
        button.addEventListener("click", toggle);
        bar.append(button, document.createElement("output"));
        players.forEach((player) => {
            const label = document.createElement("label"), input = document.createElement("input");
            input.type = "radio";
            input.name = "player";
            input.addEventListener("change", () => choose(player));
            label.append(input, " " + player.getAttribute("aria-label"));
            if (players.length > 1) bar.append(label);
            else input.remove();
        });
        document.body.append(bar);
        showBar();
    };

    const timeOf = (event) => {
        const box = seek.getBoundingClientRect();
        return data.start + ((event.clientX - box.left) / box.width) * (data.end - data.start);
    };
    const hover = (event) => {
        const line = seek.querySelector(".hover"), t = clamp(timeOf(event));
        line.hidden = false;
        line.style.left = share(t) + "%";
        line.classList.toggle("flip", share(t) > 85);
        line.firstChild.textContent = clock(t);
    };
    const keys = (event) => {
        const second = event.shiftKey ? 0.1 : (data.end - data.start) / 100;
        const steps = { ArrowLeft: -second, ArrowDown: -second, ArrowRight: second, ArrowUp: second,
            PageDown: -10 * second, PageUp: 10 * second };
        if (event.key in steps) go(time + steps[event.key]);
        else if (event.key === "Home") go(data.start);
        else if (event.key === "End") go(data.end);
        else if (event.key === " ") toggle();
        else return;
        event.preventDefault();
    };
    if (seek) {
        seek.hidden = false;
        seek.addEventListener("pointerdown", (event) => {
            if (event.button !== 0) return;
            seek.setPointerCapture(event.pointerId);
            go(timeOf(event));
        });
        seek.addEventListener("pointermove", (event) => {
            hover(event);
            if (seek.hasPointerCapture(event.pointerId)) go(timeOf(event));
        });
        seek.addEventListener("pointerleave", () => (seek.querySelector(".hover").hidden = true));
        seek.addEventListener("keydown", keys);
    }
    [...frames, ...maps].forEach((b) => b.addEventListener("click", () => go(+b.dataset.time)));
    all("[data-show]").forEach((box) => box.addEventListener("change", () => {
        all(`[data-object="${box.dataset.show}"]`).forEach((part) =>
            part.classList.toggle("off", !box.checked));
        show();
    }));
    if (players.length > 0) makeBar();
    show();
})();
