// relative to the page, which a proxy may serve with or without a slash at the end
const base = new URL(props.base || ".", location.href.replace(/[?#].*$/, "").replace(/\/?$/, "/")).href;
const host = element.querySelector(".stage-host") ?? element;
const there = document.querySelector("body > .stage-host");  // ahead.js was here before
if (there) document.title = there.dataset.title;
else import(base + "stage/js/main.js").then(({ start }) => start(host, { ...props, base }));
