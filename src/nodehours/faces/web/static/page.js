// Charts that answer the pointer, times in the reader's own zone. Everything works without.

const dark = matchMedia("(prefers-color-scheme: dark)");

function themed(address) {
  return dark.matches ? address + "&theme=dark" : address;
}

function bundle(address) {
  bundle.ready ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return bundle.ready;
}

// Where it cannot be drawn here, the server's own drawing stands in.
function still(box) {
  const image = document.createElement("img");
  image.src = themed(box.dataset.figure.replace(".json", ".svg"));
  image.alt = box.closest("figure").querySelector("figcaption p").textContent;
  box.replaceChildren(image);
}

async function draw(box) {
  try {
    const [answer] = await Promise.all([fetch(themed(box.dataset.figure)), bundle(box.dataset.bundle)]);
    if (!answer.ok) throw new Error(answer.statusText);
    const spec = await answer.json();
    box.replaceChildren();
    await window.nodehoursDraw(box, spec);
    box.classList.add("drawn");
  } catch {
    still(box);
  }
}

function drawAll() {
  document.querySelectorAll("[data-figure]").forEach(draw);
}

function localTimes() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const form = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time.instant")) {
    const text = form.format(new Date(time.dateTime));
    time.textContent = text;
    time.title = `${time.title} (shown in ${zone})`;
  }
}

// A decision that cannot be taken back is asked for twice.
function confirmed(event) {
  const sentence = event.submitter?.dataset.sure ?? event.target.dataset.sure;
  if (sentence && !confirm(sentence)) event.preventDefault();
}

localTimes();
drawAll();
dark.addEventListener("change", drawAll);
document.addEventListener("submit", confirmed);
