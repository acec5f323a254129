export const Note = () => <p id="note">A part of one branch.</p>;
