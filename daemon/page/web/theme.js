// Dark, light, or as the system has it.

const NEXT = { system: "light", light: "dark", dark: "system" };

function use(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = `Theme: ${theme}`;
}

function kept() {
  try {
    const theme = localStorage.getItem("theme");
    return Object.hasOwn(NEXT, theme) ? theme : "system";
  } catch {
    return "system"; // storage is blocked
  }
}

export function setUpTheme() {
  let theme = kept();
  use(theme);
  document.getElementById("theme").addEventListener("click", () => {
    theme = NEXT[theme];
    use(theme);
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // It lasts as long as the page, then.
    }
  });
}
