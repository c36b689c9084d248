const host = element.querySelector(".stage-host") ?? element;
// relative to the page, which a proxy may serve with or without a slash at the end
const base = new URL(props.base || ".", location.href.replace(/[?#].*$/, "").replace(/\/?$/, "/")).href;
import(base + "stage/js/main.js").then(({ start }) => start(host, { ...props, base }));
