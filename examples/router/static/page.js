"use strict";
const $ = id => document.getElementById(id);

const events = new EventSource("clock");
let ticks = 0;
events.onmessage = e => {
  const { time, watching } = JSON.parse(e.data);
  $("time").textContent = new Date(time).toLocaleTimeString();
  $("time").dateTime = time;
  $("watching").textContent = watching;
  $("ticks").textContent = ++ticks;
};
events.onerror = () => { $("time").textContent = "connection lost"; };

async function show() {
  const notes = await (await fetch("notes")).json();
  $("notes").replaceChildren(...notes.map(note => {
    const line = document.createElement("li");
    line.textContent = note.text;
    return line;
  }));
}

$("form").onsubmit = async e => {
  e.preventDefault();
  const text = $("text").value;
  $("text").value = "";
  await fetch("notes", { method: "POST", body: JSON.stringify({ text }) });
  show();
};

show();
