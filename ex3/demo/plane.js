// A picture of a plane with one point in it, which a pointer drags and arrow keys move; positions are fractions of the sides.
const PAUSE = 40; // milliseconds between two messages

export default {
  template: `
    <div class="plane" ref="box" v-bind="role" :aria-label="label" @pointerdown="begin" @pointermove="drag"
      @pointerup="end" @pointercancel="end" @keydown="press">
      <img :src="source" alt="" draggable="false" />
      <span v-show="shown" class="plane-point" :style="{ left: 100 * x + '%', top: 100 * y + '%' }"></span>
    </div>`,
  props: { label: String, source: String, fixed: Boolean },
  data: () => ({ x: 0.5, y: 0.5, shown: false, held: false }),
  computed: {
    role() {
      if (this.fixed) return { role: "img" };
      const [x, y] = [Math.round(100 * this.x), Math.round(100 * this.y)];
      return {
        role: "slider",
        tabindex: 0,
        "aria-roledescription": "point in a plane",
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-valuenow": x,
        "aria-valuetext": `${x} % from the left, ${y} % from the top`,
      };
    },
  },
  methods: {
    put(x, y) {
      if (!this.held) Object.assign(this, { x, y, shown: true });
    },
    hide() {
      this.shown = false;
    },
    move(x, y) {
      const inside = (value) => Math.min(1, Math.max(0, value));
      Object.assign(this, { x: inside(x), y: inside(y), shown: true });
      this.waiting ??= setTimeout(this.tell, PAUSE);
    },
    tell() {
      clearTimeout(this.waiting);
      this.waiting = undefined;
      this.$emit("move", [this.x, this.y]);
    },
    begin(event) {
      if (this.fixed || event.button) return;
      this.$refs.box.setPointerCapture(event.pointerId);
      this.held = true;
      this.drag(event);
    },
    drag(event) {
      if (!this.held) return;
      const box = this.$refs.box.getBoundingClientRect();
      this.move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    },
    end() {
      this.held = false;
    },
    press(event) {
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!steps) return;
      event.preventDefault();
      const length = event.shiftKey ? 0.1 : 0.01;
      this.move(this.x + length * steps[0], this.y + length * steps[1]);
    },
  },
};
