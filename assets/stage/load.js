const host = element.querySelector(".stage-host") ?? element;
const base = new URL(props.base || ".", document.baseURI).href.replace(/\/?$/, "/");
import(base + "stage/js/main.js").then(({ start }) => start(host, { ...props, base }));
