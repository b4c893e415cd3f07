// SPDX-License-Identifier: MIT
// Clips of a comparison: one time for the players, the maps and the curves of each of them.
// Without this script the page shows everything but does not move.
"use strict";
(() => {
    const signed = (v) => (Math.round(v) > 0 ? "+" : Math.round(v) < 0 ? "\u2212" : "")
        + Math.abs(Math.round(v)) + "°";
    const players = [...document.querySelectorAll("audio")];
    document.documentElement.classList.add("live");

    // Only one player of the page sounds.
    players.forEach((player) => player.addEventListener("play", () =>
        players.forEach((other) => other !== player && other.pause())));

    for (const exhibit of document.querySelectorAll(".exhibit")) {
        const all = (selector) => [...exhibit.querySelectorAll(selector)];
        const data = JSON.parse(exhibit.querySelector("script").textContent);
        const own = all("audio"), slider = exhibit.querySelector("input[type=range]");
        const rows = all(".frames tbody tr").map((row) => [...row.querySelectorAll("td")]);
        const stages = all(".map.big"), crosses = all(".map.big .cross");
        const curves = data.path ? [...data.voices, data.path] : data.voices;
        let current = own[0], time = 0, shown = -1;

        const showMap = (index) => {
            if (index === shown) return;
            shown = index;
            rows.forEach((cells, voice) => {
                cells.forEach((cell, i) => cell.classList.toggle("now", i === index));
                const source = cells[index].querySelector("img");
                const big = stages[voice].querySelector("img");
                big.src = source.src;
                big.alt = source.alt;
                stages[voice].querySelector(".when").textContent =
                    "at " + ((index + 0.5) * data.length / data.maps).toFixed(2) + " s";
            });
        };
        const show = () => {
            const share = 100 * time / data.length;
            slider.value = time;
            slider.setAttribute("aria-valuetext", time.toFixed(2) + " seconds");
            slider.closest(".timebar").querySelector("output").textContent = time.toFixed(2) + " s";
            all(".cursor").forEach((cursor) => (cursor.style.left = share + "%"));
            if (data.maps > 0)
                showMap(Math.min(Math.floor(time / data.length * data.maps), data.maps - 1));
            const last = curves[0].az.length - 1;
            if (last < 0) return;
            const at = Math.min(Math.max(Math.round((time - data.from) / data.step), 0), last);
            all(".legend output").forEach((output, i) => {
                const az = curves[i].az[at], el = curves[i].el[at];
                output.textContent = az === null ? "" : signed(az) + ", " + signed(el);
            });
            crosses.forEach((cross) => {
                cross.style.left = (180 - data.path.az[at]) / 3.6 + "%";
                cross.style.top = (90 - data.path.el[at]) / 1.8 + "%";
            });
        };
        const follow = () => {
            if (current.paused) return;
            time = Math.min(current.currentTime, data.length);
            show();
            requestAnimationFrame(follow);
        };
        own.forEach((player) => {
            player.addEventListener("play", () => {
                if (player !== current) { // goes on where the last one was
                    current = player;
                    player.currentTime = time < data.length - 0.05 ? time : 0;
                }
                requestAnimationFrame(follow);
            });
            player.addEventListener("seeked", () => {
                if (player !== current || !player.paused) return;
                time = Math.min(player.currentTime, data.length);
                show();
            });
        });
        slider.addEventListener("input", () => {
            time = +slider.value;
            current.currentTime = time;
            show();
        });
        time = data.length / 2;
        current.currentTime = time;
        show();
    }
})();
