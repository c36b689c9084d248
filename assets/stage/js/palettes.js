// Colors to begin with; the person's own come from files.

export const PALETTES = {
  basic: ["#ffffff", "#c9c9c9", "#8a8a8a", "#4a4a4a", "#111111", "#c8102e", "#e8662a", "#f2c230", "#3d8b40",
    "#1f6f8b", "#1f3a93", "#5b2a86", "#d64a8a", "#7a4a2b"],
  earth: ["#f1e6d2", "#d9c3a0", "#b99b6b", "#8f6f43", "#6b4a2c", "#4b3322", "#a4522b", "#c77b4a", "#8b8b5a",
    "#5f6b3c", "#3e4a34", "#7b7265", "#544c44", "#2e2a26"],
  pastel: ["#f9d5d3", "#fbe3c8", "#fbf3c9", "#dcefcf", "#cdeae3", "#cfe3f5", "#d9d6f2", "#eed4ea", "#f6cfdc",
    "#e6e2da", "#c8d8c8", "#b8cfdc", "#cdbfd8", "#dcc0b8"],
  bright: ["#ff1744", "#ff5722", "#ff9100", "#ffd600", "#aeea00", "#00c853", "#00bfa5", "#00b0ff", "#2962ff",
    "#6200ea", "#d500f9", "#ff4081", "#000000", "#ffffff"],
};
