// A square to draw on: black ink on white paper. It tells the server the ink, SIDE x SIDE bytes, while one draws.
const SIDE = 140;
const FULL = 560; // side of the canvas, in its pixels
const WIDTH = 44; // of a stroke, in pixels of the canvas
const PAUSE = 60; // milliseconds between two messages

export default {
  template: `
    <div class="pad">
      <canvas ref="canvas" :width="full" :height="full" role="img" :aria-label="label"
        @pointerdown="begin" @pointermove="draw" @pointerup="end" @pointercancel="end"></canvas>
      <span v-if="empty" class="pad-hint" aria-hidden="true">Draw a digit here</span>
      <label class="pad-open">Open a picture
        <input type="file" accept="image/*" aria-label="Open a picture of a digit" @change="open" />
      </label>
    </div>`,
  props: { label: String },
  data: () => ({ empty: true, full: FULL }),
  mounted() {
    this.context = this.$refs.canvas.getContext("2d", { willReadFrequently: true });
    this.small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
    this.wipe();
  },
  methods: {
    wipe() {
      this.context.fillStyle = "white";
      this.context.fillRect(0, 0, FULL, FULL);
      this.empty = true;
    },
    clear() {
      this.wipe();
      this.tell();
    },
    async show(url) {
      const picture = new Image();
      picture.src = url;
      await picture.decode();
      this.wipe();
      this.context.imageSmoothingEnabled = false;
      this.context.drawImage(picture, 0, 0, FULL, FULL);
      this.empty = false;
    },
    place(event) {
      const box = this.$refs.canvas.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * FULL, ((event.clientY - box.top) / box.height) * FULL];
    },
    begin(event) {
      if (event.button) return; // not the first button
      this.$refs.canvas.setPointerCapture(event.pointerId);
      this.last = this.place(event);
      this.draw(event);
    },
    draw(event) {
      if (!this.last) return;
      const moves = event.getCoalescedEvents?.() ?? [];
      Object.assign(this.context, { lineWidth: WIDTH, lineCap: "round", lineJoin: "round", strokeStyle: "black" });
      for (const move of moves.length ? moves : [event]) {
        const now = this.place(move);
        this.context.beginPath();
        this.context.moveTo(...this.last);
        this.context.lineTo(...now);
        this.context.stroke();
        this.last = now;
      }
      this.empty = false;
      this.waiting ??= setTimeout(this.tell, PAUSE);
    },
    end() {
      if (!this.last) return;
      this.last = null;
      this.tell();
    },
    tell() {
      clearTimeout(this.waiting);
      this.waiting = undefined;
      const small = this.small.getContext("2d", { willReadFrequently: true });
      small.drawImage(this.$refs.canvas, 0, 0, SIDE, SIDE);
      const { data } = small.getImageData(0, 0, SIDE, SIDE);
      let ink = "";
      for (let place = 0; place < data.length; place += 4) ink += String.fromCharCode(255 - data[place]);
      this.$emit("ink", btoa(ink));
    },
    async open(event) {
      const [file] = event.target.files;
      event.target.value = ""; // so that the same file can be opened again
      try {
        const picture = await createImageBitmap(file, { resizeWidth: FULL, resizeQuality: "high" });
        this.wipe();
        const scale = Math.min(1, FULL / picture.height);
        const [width, height] = [FULL * scale, picture.height * scale];
        const corner = [(FULL - width) / 2, (FULL - height) / 2];
        this.context.drawImage(picture, ...corner, width, height);
        const pixels = this.context.getImageData(...corner.map(Math.ceil), Math.floor(width), Math.floor(height));
        this.wipe();
        this.context.putImageData(inkOnPaper(pixels), ...corner.map(Math.ceil));
        this.empty = false;
        this.tell();
      } catch {
        this.$emit("unreadable");
      }
    },
  },
};

// Whatever differs from the paper, the median brightness, is ink.
function inkOnPaper(pixels) {
  const { data } = pixels;
  const light = new Float32Array(data.length / 4);
  for (let i = 0; i < light.length; i++) light[i] = (data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 3;
  const paper = light.toSorted()[light.length >> 1];
  const strongest = light.reduce((most, value) => Math.max(most, Math.abs(value - paper)), 1);
  const faint = Math.max(0.3 * strongest, 20);
  light.forEach((value, i) => {
    const ink = Math.max(0, (Math.abs(value - paper) - faint) / Math.max(1, strongest - faint));
    data.fill(255 * (1 - Math.min(1, 1.5 * ink)), 4 * i, 4 * i + 3);
    data[4 * i + 3] = 255;
  });
  return pixels;
}
